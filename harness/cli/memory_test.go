package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/harness/cli"
	"ranklab/harness/report"
	"ranklab/models"
)

// ranklab runs a command in this process and returns what it prints.
func ranklab(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, messages bytes.Buffer
	err = cli.Run(context.Background(), context.Background(), &out, &messages, append(args, "--results", t.TempDir(), "--cache", t.TempDir()), "")
	return out.String(), messages.String(), err
}

// TestMemoryReference: the committed tables and figures of predicted memory are
// what the command prints and draws.
func TestMemoryReference(t *testing.T) {
	const committed = "../../results/reference/memory"
	dir := t.TempDir()
	tables, messages, err := ranklab(t, "memory", "--preset", "all", "--formulas", "--format", "markdown", "--figures", dir)
	if err != nil {
		t.Fatal(err, messages)
	}
	if err := os.WriteFile(filepath.Join(dir, "tables.md"), []byte(tables), 0o666); err != nil {
		t.Fatal(err)
	}
	names := func(dir string) (list []string) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			list = append(list, filepath.Base(f))
		}
		return list
	}
	if got, want := strings.Join(names(dir), " "), strings.Join(names(committed), " "); got != want {
		t.Errorf("written: %s\ncommitted: %s", got, want)
	}
	for _, name := range names(dir) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(committed, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: not as committed; if it should change:\nranklab memory --preset all --formulas -f markdown --figures results/reference/memory > results/reference/memory/tables.md", name)
		}
	}
}

// TestMemoryColumns: the columns as a program reads them, for every preset.
func TestMemoryColumns(t *testing.T) {
	out, messages, err := ranklab(t, "memory", "--preset", "all", "--json")
	if err != nil {
		t.Fatal(err, messages)
	}
	var m report.Memory
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Tables) != len(models.Presets()) || len(m.Notes) == 0 {
		t.Fatalf("%d tables, %d notes", len(m.Tables), len(m.Notes))
	}
	paper := map[string]int{"60m": 5, "130m": 5, "350m": 5, "1b": 5}
	for _, table := range m.Tables {
		printed, rules := 0, 0
		for _, r := range table.Rows {
			if r.Printed != nil {
				printed++
			}
			if r.Paper != nil {
				rules++
			}
			e := r.Exact
			// The runs have the values that the formulas count, 4 bytes each where those
			// count 2; but for moments of 8 bits, and the projectors beside them.
			state := int64(2)
			if strings.HasPrefix(r.Method, "8-bit") {
				state = 1
			}
			got := [5]int64{r.Actual["weights"], r.Actual["adapters"], r.Actual["gradients"], r.Actual["optimizer_state"], r.Actual["projectors"]}
			if want := [5]int64{2 * e.Weights, 2 * e.Adapters, 2 * e.Gradients, state * e.State, state * e.Projectors}; got != want {
				t.Errorf("%s, %s: actual %d, want %d", table.Preset, r.Method, got, want)
			}
		}
		if want := paper[table.Preset]; printed != want || rules != want {
			t.Errorf("%s: %d printed numbers, %d by the rule, want %d", table.Preset, printed, rules, want)
		}
	}
}

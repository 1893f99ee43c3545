package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/harness/cli"
)

// TestReference draws every committed result again: tables and figures come
// out byte for byte, and the README shows the table of quick as it is.
func TestReference(t *testing.T) {
	committed, err := filepath.Abs("../../results/reference")
	if err != nil {
		t.Fatal(err)
	}
	results := t.TempDir()
	if err := os.Symlink(committed, filepath.Join(results, "reference")); err != nil {
		t.Fatal(err)
	}
	sweeps, err := filepath.Glob(filepath.Join(committed, "*", "sweep.json"))
	if err != nil || len(sweeps) == 0 {
		t.Fatalf("committed sweeps: %v, %v", sweeps, err)
	}
	for _, sweep := range sweeps {
		dir := filepath.Dir(sweep)
		name := filepath.Base(dir)
		run := func(args ...string) string {
			var out bytes.Buffer
			args = append(args, "--results", results, "--cache", results)
			if err := cli.Run(context.Background(), context.Background(), &out, &out, args, ""); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, &out)
			}
			return out.String()
		}
		read := func(path string) string {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		if got, want := run("table", name, "-f", "markdown"), read(filepath.Join(dir, "tables.md")); got != want {
			t.Errorf("%s: table\n%s\nwant\n%s", name, got, want)
		}
		for _, command := range []string{"claims", "contract"} {
			path := filepath.Join(dir, command+".md")
			if _, err := os.Stat(path); err != nil {
				continue // the experiment has none
			}
			var out, messages bytes.Buffer // the error says that a claim fails, which is a result
			_ = cli.Run(context.Background(), context.Background(), &out, &messages, []string{command, name, "-f", "markdown", "--results", results, "--cache", results}, "")
			if want := read(path); out.String() != want {
				t.Errorf("%s: %s\n%s\nwant\n%s\n%s", name, command, &out, want, &messages)
			}
		}
		run("figures", name, "-o", filepath.Join(results, "figures"))
		figures, err := filepath.Glob(filepath.Join(dir, "fig-*"))
		if err != nil || len(figures) == 0 {
			t.Fatalf("%s: committed figures: %v, %v", name, figures, err)
		}
		for _, f := range figures {
			if read(f) != read(filepath.Join(results, "figures", filepath.Base(f))) {
				t.Errorf("%s: %s is drawn differently", name, filepath.Base(f))
			}
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(committed, "quick", "tables.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(table), "\n\n")
	if !strings.Contains(string(readme), strings.TrimSpace(rows)) {
		t.Errorf("README.md does not show\n%s", rows)
	}
}

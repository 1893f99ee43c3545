package cli_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/spec"
)

// toy makes an experiment so small that a run takes moments, at the full hidden
// size, since ranks go up to it.
var toy = []string{
	"model.intermediate_size=128", "model.num_hidden_layers=1", "model.num_attention_heads=2", "model.vocab_size=512",
	"data.source=text", `data.modules="!unset"`, `data.paths=["text"]`, "data.val_fraction=0.2",
	"train.total_batch_size=2", "train.batch_size=2", "train.max_length=16", "eval.every=4", "eval.tokens=64",
	"seeds=1",
}

// lengths replaces the numbers of updates of an experiment by toy ones.
var lengths = map[string][]string{
	"rank": {"sweep.train.steps=[4,8]"},
}

// TestProxy runs every experiment on proxies at toy size: all its runs train,
// and all its tables and figures come out.
func TestProxy(t *testing.T) {
	dir := t.TempDir()
	if err := writeText(filepath.Join(dir, "text")); err != nil {
		t.Fatal(err)
	}
	for _, name := range spec.Embedded() {
		short, proxy := strings.CutPrefix(name, "proxy/")
		if !proxy {
			continue
		}
		t.Run(short, func(t *testing.T) {
			overrides := slices.Clone(toy)
			if special, ok := lengths[short]; ok {
				overrides = append(overrides, special...)
			} else {
				overrides = append(overrides, "train.steps=8")
			}
			args := []string{"sweep", name, "--results", "results", "--cache", "cache", "--no-calibration", "--fail-fast"}
			for _, o := range overrides {
				args = append(args, "-S", o)
			}
			command := exec.Command("ranklab", args...)
			command.Dir = dir
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			x, err := spec.Load(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range x.Figures {
				for _, ext := range []string{".svg", ".png", ".csv"} {
					if files, _ := filepath.Glob(filepath.Join(dir, "results", "figures", x.Name, "fig-"+f.ID+ext)); len(files) != 1 {
						t.Errorf("figure %s%s is not there\n%s", f.ID, ext, out)
					}
				}
			}
			for _, table := range x.Tables {
				if !strings.Contains(string(out), table.Title) {
					t.Errorf("table %s was not printed\n%s", table.ID, out)
				}
			}
		})
	}
}

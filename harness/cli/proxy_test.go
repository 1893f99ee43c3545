package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/harness/spec"
)

// toy makes an experiment so small that a run takes moments, at the full hidden
// size, since ranks go up to it.
const toy = `extends = ["proxy/%s.toml"]
name = "%[1]s"
seeds = 2

[model]
intermediate_size = 160
num_hidden_layers = 1
num_attention_heads = 2
vocab_size = 512

[data]
source = "text"
modules = "!unset"
paths = ["text"]
val_fraction = 0.2

[train]
%[2]s
total_batch_size = 2
batch_size = 2
max_length = 16

[eval]
every = 4
tokens = 64

%[3]s
`

// changes makes single experiments shorter: what stands below [train], and what
// replaces tables of their own.
var changes = map[string][2]string{
	"rank":   {"", "[sweep]\ntrain.steps = [4, 8]\n"},
	"scale":  {"", "[sweep]\ntrain.steps = [4, 8]\n[[sweep.zip]]\nmodel.hidden_size = [64, 128]"},
	"table2": {"steps = 8", "[tune]\ngrid = [1e-3, 2e-3]\nmax_trials = 2\nselect_tokens = 64\n[method.lora-warm]\nfull_rank_steps = 2\nmerge_every = 6\n[method.relora]\nmerge_every = 4\n[method.relora-warm]\nfull_rank_steps = 4\nmerge_every = 2\ntrain.warmup_steps = 1\n[method.adamw8bit]\nuse_lr = \"table2:adamw\"\n[method.galore8bit]\nuse_lr = \"table2:galore\""},
	"drift":  {"steps = 42", "[diagnostics]\nafter = [1]\n[method.galore.sweep]\nupdate_proj_gap = [19, 20]\n"},
}

// TestProxy runs every experiment on proxies at toy size: all its runs train,
// all its tables and figures come out, and its claims are judged.
func TestProxy(t *testing.T) {
	dir := t.TempDir()
	if err := writeText(filepath.Join(dir, "text")); err != nil {
		t.Fatal(err)
	}
	ranklab := func(t *testing.T, args ...string) string {
		t.Helper()
		command := exec.Command("ranklab", append(args, "--results", "results", "--cache", "cache")...)
		command.Dir = dir
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, name := range spec.Embedded() {
		short, proxy := strings.CutPrefix(name, "proxy/")
		if !proxy {
			continue
		}
		t.Run(short, func(t *testing.T) {
			change, ok := changes[short]
			if !ok {
				change[0] = "steps = 8"
			}
			file := "./" + short + ".toml"
			if err := os.WriteFile(filepath.Join(dir, file), fmt.Appendf(nil, toy, short, change[0], change[1]), 0o666); err != nil {
				t.Fatal(err)
			}
			x, err := spec.Load(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if x.Tune != nil {
				ranklab(t, "tune", file, "--no-calibration")
			}
			out := ranklab(t, "sweep", file, "--no-calibration", "--fail-fast")
			for _, f := range x.Figures {
				for _, ext := range []string{".svg", ".png", ".pdf", ".csv"} {
					if files, _ := filepath.Glob(filepath.Join(dir, "results", "figures", short, "fig-"+f.ID+ext)); len(files) != 1 {
						t.Errorf("figure %s%s is not there", f.ID, ext)
					}
				}
			}
			for _, table := range x.Tables {
				if !strings.Contains(out, table.Title) {
					t.Errorf("table %s was not printed", table.ID)
				}
			}
			for _, claim := range x.Claims {
				if !strings.Contains(out, claim.ID) {
					t.Errorf("claim %s was not judged", claim.ID)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

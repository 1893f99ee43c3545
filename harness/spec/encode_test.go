package spec

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// everyKind loads one run of each kind, with unusual values that must survive.
func everyKind(t testing.TB) []Instance {
	t.Helper()
	x := mustLoad(t, `
seeds = 2
[method.adamw]
kind = "adamw"
lr = 0.1
eps = 1e-30
lr_groups.norm = 0.30000000000000004
weight_decay = 5e-324
[method.sgd]
kind = "sgd"
lr = 1
momentum = 0.0
[method.adafactor]
kind = "adafactor"
lr = 123456789.12345679
data.source = "text"
data.modules = "!unset"
data.paths = ["a \"quoted\" path", "C:\\dir", "line\nbreak", "#"]
[method.lowrank]
kind = "lowrank"
lr = 1e-3
rank = 4
init = "kaiming"
optimizer = "sgd"
data.tokenizer = "sentencepiece"
[method.lora]
kind = "lora"
lr = 1e-3
rank = 4
lora_dropout = 0.05
[method.relora]
kind = "relora"
lr = 1e-3
rank = 4
merge_every = 25
reset_step = false
train.scheduler = "jagged_cosine"
train.warmup_steps = 0
restart_warmup_steps = 0
[method.galore]
kind = "galore"
lr = 1e-3
rank = 4
update_proj_gap = "never"
targets = ["mlp"]
optimizer = "adafactor"
`, nil)
	return x.Runs
}

func reread(t *testing.T, text []byte) Run {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spec.toml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := LoadRun(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

func TestRunsRoundTrip(t *testing.T) {
	for _, inst := range everyKind(t) {
		for name, encode := range map[string]func() ([]byte, error){"run": inst.Run.Encode, "instance": inst.Encode} {
			text, err := encode()
			if err != nil {
				t.Fatal(err)
			}
			if got := reread(t, text); !reflect.DeepEqual(got, inst.Run) {
				t.Errorf("%s %s (-want +got):\n%s\n%s", name, inst.Label, cmp.Diff(inst.Run, got), text)
			}
		}
	}
}

// Whatever numbers a run has, writing and reading does not change a bit.
func TestNumbersRoundTrip(t *testing.T) {
	runs := everyKind(t)
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		r := rapid.SampledFrom(runs).Draw(rt, "run").Run
		r.Method.LR = rapid.Float64Range(5e-324, 1e300).Draw(rt, "lr")
		r.Method.WeightDecay = rapid.Float64Range(0, 1e300).Draw(rt, "weight_decay")
		r.Data.ValFraction = rapid.Float64Range(1e-300, 0.999).Draw(rt, "val_fraction")
		r.Train.GradClipping = rapid.Float64Range(0, 1e9).Draw(rt, "grad_clipping")
		r.Seed.Init = rapid.IntRange(0, maxInt).Draw(rt, "seed")
		text, err := r.Encode()
		if err != nil {
			rt.Fatal(err)
		}
		path := filepath.Join(dir, "spec.toml")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			rt.Fatal(err)
		}
		got, err := LoadRun(path)
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(got, r) {
			rt.Fatalf("-want +got:\n%s", cmp.Diff(r, got))
		}
	})
}

func TestEncodedRunIsExplicit(t *testing.T) {
	relora := everyKind(t)[5]
	text, err := relora.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"reset_step = false  # dir/x.toml:", "layerwise = false  # default", "merge_every = 25", "full_rank_steps = 0", "\n[seed]\ninit = 0"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, not := range []string{"update_proj_gap", "momentum", "paths", "reset_ratio"} {
		if strings.Contains(string(text), not) {
			t.Errorf("%q has no meaning in\n%s", not, text)
		}
	}
}

func TestLoadRunFillsNothingIn(t *testing.T) {
	text, err := everyKind(t)[6].Run.Encode()
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.NewReplacer("scale = 0.25\n", "", "rank = 4\n", "rank = 4\nranks = 5\n", "num_attention_heads = 4", "num_attention_heads = 5", "\nsteps = 100\n", "\n", "decay = 'before'", "decay = 3").Replace(string(text))
	path := filepath.Join(t.TempDir(), "spec.toml")
	if err := os.WriteFile(path, []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = LoadRun(path)
	if err == nil {
		t.Fatal("a broken run was accepted")
	}
	golden(t, "testdata/loadrun.golden", strings.ReplaceAll(err.Error(), path, "spec.toml")+"\n")
	if _, err := LoadRun(filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("a missing file was accepted")
	}
	if _, err := LoadRun("../../experiments/quick.toml"); err == nil || !strings.Contains(err.Error(), "looks like an experiment") {
		t.Errorf("an experiment as a run: %v", err)
	}
}

func TestRequire(t *testing.T) {
	x := mustLoad(t, twoMethods, []string{"data.source=c4", "data.modules=!unset", "data.tokenizer=sentencepiece"})
	err := x.Runs[0].Run.Data.Require()
	if err == nil || !strings.Contains(err.Error(), "data.paths is empty") || !strings.Contains(err.Error(), "data.tokenizer_model is empty") {
		t.Errorf("Require = %v", err)
	}
	x = mustLoad(t, twoMethods, []string{"data.source=c4", "data.modules=!unset", "data.tokenizer=sentencepiece", "data.tokenizer_model=a", `data.paths=["b"]`})
	if err := x.Runs[0].Run.Data.Require(); err != nil {
		t.Errorf("Require = %v", err)
	}
}

func TestSettings(t *testing.T) {
	runs := everyKind(t)
	adamw, galore := runs[0].Run.Settings(), runs[6].Run.Settings()
	for key, want := range map[string]any{"lr": 0.1, "lr_groups.norm": 0.30000000000000004, "steps": 100, "train.batch_size": 8, "eval.batch_size": 8, "betas": "0.9,0.999", "seed.init": 0, "layerwise": false, "modules": "gonum.org/v1/gonum@v0.17.0"} {
		if adamw[key] != want {
			t.Errorf("%s = %v, want %v", key, adamw[key], want)
		}
	}
	if galore["update_proj_gap"] != "never" || galore["targets"] != "mlp" {
		t.Errorf("galore: %v", galore)
	}
	for _, key := range []string{"rank", "name", "paths", "tokenizer_model", "preset", "log_every", "checkpoint_every", "keep_checkpoints", "digest_every"} {
		if _, ok := adamw[key]; ok {
			t.Errorf("adamw has a setting %s", key)
		}
	}
}

// A run that was stored before a key existed reads as one that does not use it,
// under the same ids.
func TestOldRunsStayReadable(t *testing.T) {
	for _, inst := range everyKind(t) {
		text, err := inst.Run.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var old []string
		for line := range strings.Lines(string(text)) {
			later := false
			for _, f := range allFields() {
				later = later || f.later && strings.HasPrefix(line, shortKey(f.key)+" = ")
			}
			if !later {
				old = append(old, line)
			}
		}
		got, err := parseRun("old.toml", strings.Join(old, ""))
		if err != nil {
			t.Fatal(err)
		}
		if got.RunID(Digests{}) != inst.Run.RunID(Digests{}) {
			t.Errorf("%s: another id without the keys that came later", inst.Label)
		}
	}
}

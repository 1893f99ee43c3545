package spec

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// The effective rate of each kind of method, by hand.
func TestEffect(t *testing.T) {
	for text, want := range map[string]float64{
		"kind='adamw'": 1, "kind='sgd'": 1, "kind='adafactor'": 1, "kind='adamw8bit'": 1,
		"kind='adamw'\nlr_groups={attn=0.5, mlp=0.5, lm_head=3.0}": 0.5,
		"kind='galore'\nrank=8":                                                  0.25,
		"kind='galore'\nrank=8\nscale=2.0":                                       2,
		"kind='galore'\nrank=8\noptimizer='sgd'":                                 0.25, // the step is scaled once, whatever it is
		"kind='galore'\nrank=8\nlr_groups={attn=2.0, mlp=2.0}":                   0.5,
		"kind='galore'\nrank=8\ntargets=['mlp']\nlr_groups={mlp=2.0}":            0.5, // attention is no target
		"kind='lora'\nrank=8":                                                    4,
		"kind='lora'\nrank=16\nlora_alpha=16":                                    1,
		"kind='lora'\nrank=16\nscaling='alpha_over_sqrt_r'":                      8,
		"kind='lora'\nrank=16\nscaling='fixed'\nlora_alpha=0.5":                  0.5,
		"kind='lora'\nrank=16\nscaling='fixed'\nlora_alpha=0.5\noptimizer='sgd'": 0.25,
		"kind='relora'\nrank=64\nmerge_every=50":                                 0.5,
		"kind='lowrank'\nrank=8":                                                 1,
		"kind='lowrank'\nrank=8\ninit='spectral'":                                1,
		"kind='lowrank'\nrank=16\ninit='kaiming'":                                2,
	} {
		m := mustLoad(t, "[method.a]\nlr=1\n"+text+"\n", nil).Runs[0].Run.Method
		if got, ok := m.effect(); !ok || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, ok, want)
		}
	}
	m := mustLoad(t, "[method.a]\nlr=1\nkind='adamw'\nlr_groups={attn=0.5}\n", nil).Runs[0].Run.Method
	if got, ok := m.effect(); ok || !math.IsNaN(got) {
		t.Errorf("attention and MLP differ: %v, %v", got, ok)
	}
}

const tunedMethods = `
[tune]
grid = [4e-3, 1e-3, 2e-3]
[method.adamw]
kind = "adamw"
lr = "tuned"
[method.galore]
kind = "galore"
lr = "tuned"
rank = 16
[method.galore.sweep]
rank = [4, 16]
[[case]]
method = "adamw"
set = { weight_decay = 0.1 }
`

func TestTuneDefaults(t *testing.T) {
	x := mustLoad(t, tunedMethods, nil)
	tune := x.Tune
	if tune == nil || tune.MaxTrials != 9 || !tune.Effective || tune.AtEdge != Extend || !slices.Equal(tune.Seeds, []int{100}) || !slices.Equal(tune.Grid, []float64{1e-3, 2e-3, 4e-3}) {
		t.Fatalf("%+v", tune)
	}
	if tune.Path != "dir/x.lock.toml" || tune.Lock != nil || len(tune.Methods) != 2 {
		t.Errorf("path %q, lock %v, %d methods", tune.Path, tune.Lock, len(tune.Methods))
	}
	if err := x.RequireRates(); err == nil || !strings.Contains(err.Error(), "no tuned learning rates yet for adamw, galore: first run ranklab tune dir/x.toml") {
		t.Errorf("%v", err)
	}
	if !x.Missing("galore") || x.Missing("lora") || len(x.Runs) != 4 {
		t.Errorf("%d runs, rates %+v", len(x.Runs), x.Rates)
	}
	for i, want := range map[int]float64{-2: 2.5e-4, -1: 5e-4, 0: 1e-3, 2: 4e-3, 3: 8e-3, 5: 3.2e-2} {
		if got := tune.Rate(i); got != want {
			t.Errorf("rate %d is %v, want %v", i, got, want)
		}
	}
	// The headline variant, with the rate of the grid and a selection set.
	trials := tune.Trials(tune.Methods[1], 3)
	if len(trials) != 1 {
		t.Fatalf("%d runs of a trial", len(trials))
	}
	got := trials[0]
	if r := got.Run; r.Method.LR != 3.2e-2 || r.Method.Rank != 16 || r.Seed != (Seed{100, 100}) || r.Eval.SelectTokens != r.Eval.Tokens || r.Train.Steps != 100 {
		t.Errorf("%+v", r)
	}
	if got.Label != "galore lr=0.032" || got.Axes["lr"] != 3.2e-2 || got.Axes["effective_lr"] != 8e-3 {
		t.Errorf("%s %v", got.Label, got.Axes)
	}
	if err := got.Run.reload(t); err != nil {
		t.Error(err)
	}
}

// reload writes a run and reads it again.
func (r Run) reload(t *testing.T) error {
	t.Helper()
	text, err := r.Encode()
	if err != nil {
		return err
	}
	again, err := parseRun("spec.toml", string(text))
	if d := cmp.Diff(r, again); d != "" {
		t.Errorf("run (-want +got):\n%s", d)
	}
	return err
}

func TestTuneKeys(t *testing.T) {
	x := mustLoad(t, strings.Replace(tunedMethods, "[tune]\n", "seeds = 3\n[tune]\neffective = false\nsteps = 40\nseeds = [7, 9]\nselect_tokens = 100\nmax_trials = 4\nat_edge = \"warn\"\n", 1), []string{"train.steps=80"})
	trials := x.Tune.Trials(x.Tune.Methods[1], 0)
	if len(trials) != 2 || trials[0].Run.Method.LR != 1e-3 || trials[0].Axes["effective_lr"] != 2.5e-4 {
		t.Fatalf("%+v", trials)
	}
	if r := trials[1].Run; r.Train.Steps != 40 || r.Train.WarmupSteps != 4 || r.Eval.SelectTokens != 100 || r.Seed.Data != 9 {
		t.Errorf("%+v", r)
	}
	if r := x.Runs[0].Run; r.Train.Steps != 80 || r.Eval.SelectTokens != 0 {
		t.Errorf("a reported run: %+v", r)
	}
}

// A given rate beside tuned ones, and one from the command line.
func TestRates(t *testing.T) {
	x := mustLoad(t, tunedMethods+"[method.sgd]\nkind='sgd'\nlr=0.5\n", []string{"method.galore.lr=0.125"})
	want := []Rate{{Method: "adamw", From: "x:adamw", Missing: "ranklab tune dir/x.toml"}, {Method: "galore", LR: 0.125}, {Method: "sgd", LR: 0.5}}
	if d := cmp.Diff(want, x.Rates); d != "" {
		t.Errorf("rates (-want +got):\n%s", d)
	}
	if len(x.Tune.Methods) != 1 || x.Runs[2].Run.Method.LR != 0.125 {
		t.Errorf("%d methods, %+v", len(x.Tune.Methods), x.Runs[2].Run.Method)
	}
	if mustLoad(t, twoMethods, nil).Rates != nil {
		t.Error("an experiment that gives its rates has a list of them")
	}
}

func lockOf(t *testing.T, x *Experiment) string {
	t.Helper()
	l := Lock{Experiment: "x", NumericsVersion: NumericsVersion, Data: "d", Tokenizer: "t", Param: "lr", Grid: x.Tune.Grid, Effective: true, Seeds: x.Tune.Seeds, AtEdge: Extend, MaxTrials: 9}
	for i, m := range x.Tune.Methods {
		lr := m.LR(2e-3)
		l.Methods = append(l.Methods, Locked{
			Name: m.Name, LR: lr, EffectiveLR: 2e-3, SelectLoss: 3.25 + float64(i), SelectTokens: 400, Steps: 100, Trials: 3, Edge: NoEdge, Recipe: m.Recipe,
			Rates: []float64{lr / 2, lr, 2 * lr}, EffectiveRates: []float64{1e-3, 2e-3, 4e-3}, Runs: []string{"000000000000", "000000000001", "000000000002"},
		})
	}
	text, err := l.Encode("x.toml")
	if err != nil {
		t.Fatal(err)
	}
	src := newSource("x.lock.toml", string(text))
	back, ok := parseLock(src, &collector{})
	if !ok {
		t.Fatalf("%s", text)
	}
	l.Schema = lockSchema
	if d := cmp.Diff(l, back.Lock); d != "" {
		t.Errorf("lock (-want +got):\n%s", d)
	}
	return string(text)
}

// Rates of the experiment's own lock file, and what makes them stale.
func TestOwnLock(t *testing.T) {
	lock := lockOf(t, mustLoad(t, tunedMethods, nil))
	x := mustLoad(t, tunedMethods, nil, "dir/x.lock.toml", lock)
	if err := x.RequireRates(); err != nil {
		t.Error(err)
	}
	galore := x.Runs[2]
	if galore.Variant != "galore" || galore.Run.Method.LR != 8e-3 || !strings.HasPrefix(galore.Origin["method.lr"], "dir/x.lock.toml:") {
		t.Errorf("%s: lr %v from %s", galore.Variant, galore.Run.Method.LR, galore.Origin["method.lr"])
	}
	if r := x.Rates[1]; r.From != "x:galore" || r.Trials != 3 || r.Edge != NoEdge || r.Stale || r.Lock != galore.Origin["method.lr"] {
		t.Errorf("%+v", r)
	}
	if x.Tune.Lock == nil || len(x.Tune.Lock.Methods) != 2 {
		t.Error("the search does not know its lock")
	}
	// Settings of trials make a lock stale; what trials do not have does not.
	for change, stale := range map[string]bool{
		"train.steps=200": true, "method.galore.scale=0.5": true, "tune.grid=[1e-3, 2e-3, 8e-3]": true, "tune.max_trials=7": true, "tune.seeds=[5]": true,
		"seeds=4": false, "train.log_every=1": false, "case=[]": false, "title=new": false,
	} {
		if got := mustLoad(t, tunedMethods, []string{change}, "dir/x.lock.toml", lock).Rates[1].Stale; got != stale {
			t.Errorf("-S %s: stale is %v, want %v", change, got, stale)
		}
	}
	// A method that was added since is not tuned yet.
	x = mustLoad(t, tunedMethods+"[method.lora]\nkind='lora'\nrank=4\nlr='tuned'\n", nil, "dir/x.lock.toml", lock)
	if !x.Missing("lora") || x.Missing("adamw") {
		t.Errorf("%+v", x.Rates)
	}
}

// Rates of another experiment's lock file.
func TestUseLR(t *testing.T) {
	lock := lockOf(t, mustLoad(t, tunedMethods, nil))
	uses := "[method.mine]\nkind='galore'\nrank=4\nuse_lr='%:galore'\n[method.mine.sweep]\nrank=[4, 8]\n"
	for name, file := range map[string]string{"other": "dir/other.lock.toml", "other.toml": "dir/other.lock.toml", "../up": "up.lock.toml", "deep/er": "experiments/deep/er.lock.toml"} {
		x := mustLoad(t, strings.Replace(uses, "%", name, 1), nil, file, lock)
		if r := x.Runs[1]; r.Run.Method.LR != 8e-3 || r.Run.Method.Rank != 8 || !strings.HasPrefix(r.Origin["method.lr"], file+":") {
			t.Errorf("%s: lr %v from %s", name, r.Run.Method.LR, r.Origin["method.lr"])
		}
	}
	// Without a lock file the experiment can be planned, and says what makes it.
	x := mustLoad(t, strings.Replace(uses, "%", "other", 1), nil, "dir/other.toml", tunedMethods)
	if err := x.RequireRates(); err == nil || !strings.Contains(err.Error(), "first run ranklab tune dir/other.toml") {
		t.Errorf("%v", err)
	}
	x = mustLoad(t, strings.Replace(uses, "%", "quick", 1), nil)
	if err := x.RequireRates(); err == nil || !strings.Contains(err.Error(), "first run ranklab tune quick.toml") {
		t.Errorf("%v", err)
	}
	// The command line wins, either way.
	x = mustLoad(t, strings.Replace(uses, "%", "other", 1), []string{"method.mine.lr=0.5"}, "dir/other.lock.toml", lock)
	if x.Runs[0].Run.Method.LR != 0.5 {
		t.Errorf("lr %v", x.Runs[0].Run.Method.LR)
	}
	x = mustLoad(t, twoMethods, []string{"method.galore.use_lr=other:adamw"}, "dir/other.lock.toml", lock)
	if x.Runs[1].Run.Method.LR != 2e-3 || x.Rates[1].From != "other:adamw" {
		t.Errorf("lr %v, %+v", x.Runs[1].Run.Method.LR, x.Rates)
	}
	if _, err := loadText(t, strings.Replace(uses, "%", "nowhere", 1), nil); err == nil || !strings.Contains(err.Error(), `there is no experiment "nowhere"`) {
		t.Errorf("%v", err)
	}
}

// A lock file is no experiment.
func TestLockIsNoExperiment(t *testing.T) {
	fsys := fstest.MapFS{"x.lock.toml": {Data: []byte("schema = 1\n")}}
	if _, err := LoadFS(fsys, "x.lock.toml", nil); err == nil || !strings.Contains(err.Error(), "name the experiment: x.toml") {
		t.Errorf("%v", err)
	}
	if slices.ContainsFunc(Embedded(), func(name string) bool { return strings.HasSuffix(name, ".lock") }) {
		t.Errorf("%q", Embedded())
	}
}

// A copy names the experiments whose rates it takes as seen from its own place,
// and its own rates as its own.
func TestNewMovesRates(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a/p.toml", protocol)
	write("a/other.toml", "extends='p.toml'\n"+tunedMethods)
	write("a/x.toml", "extends='p.toml'\n"+tunedMethods+"[method.like]\nkind='galore'\nrank=8\nuse_lr='x:galore'\n[method.lent]\nkind='galore'\nrank=2\nuse_lr='other:galore' # theirs\n[method.shipped]\nkind='adamw'\nweight_decay=0.1\nuse_lr='quick:adamw'\n")
	text, err := New(filepath.Join(dir, "b/c/mine.toml"), filepath.Join(dir, "a/x.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`use_lr="mine:galore"`, `use_lr="../../a/other:galore" # theirs`, `use_lr="quick:adamw"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	write("b/c/mine.toml", string(text))
	x, err := Load(filepath.Join(dir, "b/c/mine.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := x.Rates[2]; r.From != "mine:galore" || r.Missing != "ranklab tune "+filepath.Join(dir, "b/c/mine.toml") {
		t.Errorf("%+v", r)
	}
}

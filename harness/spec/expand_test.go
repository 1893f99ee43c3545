package spec

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// protocol is a complete base: only methods are missing.
const protocol = `
[model]
hidden_size = 64
intermediate_size = 176
num_hidden_layers = 2
num_attention_heads = 4
vocab_size = 1024
[data]
modules = ["gonum.org/v1/gonum@v0.17.0"]
[train]
steps = 100
total_batch_size = 8
max_length = 64
`

// loadText loads an experiment that extends protocol; more files may follow as
// name, text pairs.
func loadText(t testing.TB, text string, overrides []string, more ...string) (*Experiment, error) {
	t.Helper()
	fsys := fstest.MapFS{
		"dir/protocol.toml": {Data: []byte(protocol)},
		"dir/x.toml":        {Data: []byte("extends = \"protocol.toml\"\n" + text)},
	}
	for i := 0; i < len(more); i += 2 {
		fsys[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	return LoadFS(fsys, "dir/x.toml", overrides)
}

func mustLoad(t testing.TB, text string, overrides []string, more ...string) *Experiment {
	t.Helper()
	x, err := loadText(t, text, overrides, more...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func labels(x *Experiment) []string {
	var out []string
	for _, r := range x.Runs {
		out = append(out, r.Label)
	}
	return out
}

const twoMethods = `
[method.adamw]
kind = "adamw"
lr = 1e-3
[method.galore]
kind = "galore"
lr = 1e-2
rank = 16
`

func TestExpansionOrder(t *testing.T) {
	x := mustLoad(t, `
seeds = [7, 3]
[sweep]
lr = [1e-3, 2e-3]
[[sweep.zip]]
"train.steps" = [50, 100]
"eval.every" = [5, 10]
[[case]]
method = "galore"
label = "small"
set = { rank = 2, train.steps = 10 }
[[case]]
method = "adamw"
lr = 5e-3
`+twoMethods+`
[method.galore.sweep]
rank = [4, 8]
`, nil)
	one := []string{
		"adamw lr=0.001 steps=50 every=5",
		"adamw lr=0.001 steps=100 every=10",
		"adamw lr=0.002 steps=50 every=5",
		"adamw lr=0.002 steps=100 every=10",
		"adamw lr=0.005",
		"galore lr=0.001 steps=50 every=5 rank=4",
		"galore lr=0.001 steps=50 every=5 rank=8",
		"galore lr=0.001 steps=100 every=10 rank=4",
		"galore lr=0.001 steps=100 every=10 rank=8",
		"galore lr=0.002 steps=50 every=5 rank=4",
		"galore lr=0.002 steps=50 every=5 rank=8",
		"galore lr=0.002 steps=100 every=10 rank=4",
		"galore lr=0.002 steps=100 every=10 rank=8",
		"small",
	}
	if diff := cmp.Diff(slices.Concat(one, one), labels(x)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	for i, r := range x.Runs {
		want := []int{7, 3}[i/len(one)]
		if r.Seed != want || r.Run.Seed != (Seed{Init: want, Data: want}) {
			t.Errorf("run %d has seed %d, %+v; want %d", i, r.Seed, r.Run.Seed, want)
		}
	}
	small := x.Runs[13]
	if diff := cmp.Diff(map[string]any{"lr": 0.01, "steps": 10, "every": 1, "rank": 2}, small.Axes); diff != "" {
		t.Errorf("axes of the case (-want +got):\n%s", diff)
	}
	if m := small.Run.Method; m.Rank != 2 || m.LR != 0.01 || small.Run.Train.Steps != 10 || small.Variant != "galore" {
		t.Errorf("the case resolved to %+v", small.Run)
	}
}

func TestWhoWins(t *testing.T) {
	x := mustLoad(t, `
[train]
grad_clipping = 1.0
[method.adamw]
kind = "adamw"
lr = 1e-3
[method.galore]
kind = "galore"
lr = 1e-2
rank = 16
train.grad_clipping = 0.5
train.total_batch_size = 16
model.vocab_size = 2048
[method.third]
kind = "galore"
lr = 1e-2
rank = 16
[method.third.train]
grad_clipping = "!unset"
scheduler = "linear"
[method.galore.sweep]
train.warmup_steps = [5]
`, nil)
	adamw, galore, third := x.Runs[0].Run, x.Runs[1].Run, x.Runs[2].Run
	if adamw.Train.GradClipping != 1 || adamw.Train.TotalBatchSize != 8 || adamw.Model.VocabSize != 1024 || adamw.Train.WarmupSteps != 10 {
		t.Errorf("adamw: %+v", adamw)
	}
	if galore.Train.GradClipping != 0.5 || galore.Train.TotalBatchSize != 16 || galore.Train.BatchSize != 16 || galore.Model.VocabSize != 2048 || galore.Train.WarmupSteps != 5 {
		t.Errorf("galore: %+v", galore)
	}
	if third.Train.GradClipping != 0 || third.Train.Scheduler != "linear" {
		t.Errorf("third: %+v", third)
	}
}

func TestExtends(t *testing.T) {
	x := mustLoad(t, `
seeds = 2
[data]
modules = ["a.b/c@v1.0.0"]
[method.galore]
lr = "!unset"
betas = [0.5, 0.6]
[method.gone]
rank = 8
[method.galore.sweep]
lr = [1.0]
`, nil, "dir/protocol.toml", `
extends = ["deep/a.toml", "deep/b.toml"]
name = "not inherited"
title = "nor this"
[method.galore]
lr = 3.0
`, "dir/deep/a.toml", protocol+`
[method.galore]
kind = "galore"
rank = 4
betas = [0.1, 0.2]
[method.gone]
kind = "galore"
lr = 1.0
[[case]]
method = "galore"
lr = 9.0
`, "dir/deep/b.toml", `
extends = "c.toml"
[method.galore]
rank = 5
`, "dir/deep/c.toml", `
[method.galore]
rank = 6
scale = 0.75
`)
	if x.Name != "x" || x.Title != "" || len(x.Seeds) != 2 {
		t.Errorf("name %q, title %q, seeds %v", x.Name, x.Title, x.Seeds)
	}
	if diff := cmp.Diff([]string{"galore lr=1", "galore lr=9", "gone", "galore lr=1", "galore lr=9", "gone"}, labels(x)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	r := x.Runs[0]
	m := r.Run.Method
	if m.Rank != 5 || m.Scale != 0.75 || m.LR != 1 || !slices.Equal(m.Betas, []float64{0.5, 0.6}) || !slices.Equal(r.Run.Data.Modules, []string{"a.b/c@v1.0.0"}) {
		t.Errorf("galore resolved to %+v", r.Run)
	}
	for key, want := range map[string]string{
		"method.rank": "dir/deep/b.toml:4", "method.scale": "dir/deep/c.toml:4", "method.lr": "dir/x.toml:12", "method.eps": "default",
		"train.steps": "dir/deep/a.toml:11", "train.warmup_steps": "default", "seed.init": "dir/x.toml:3",
	} {
		if got := r.Origin[key]; got != want {
			t.Errorf("origin of %s is %q, want %q", key, got, want)
		}
	}
}

func TestPresetAndOverride(t *testing.T) {
	x := mustLoad(t, `
[model]
preset = "60m"
hidden_size = "!unset"
intermediate_size = "!unset"
num_hidden_layers = "!unset"
num_attention_heads = "!unset"
`+twoMethods, nil)
	m := x.Runs[0].Run.Model
	if m.HiddenSize != 512 || m.IntermediateSize != 1376 || m.NumHiddenLayers != 8 || m.VocabSize != 1024 || m.RMSNormEps != 1e-6 {
		t.Errorf("model %+v", m)
	}
	if o := x.Runs[0].Origin["model.hidden_size"]; o != "preset 60m" {
		t.Errorf("origin of hidden_size: %q", o)
	}
}

func TestListsAreSweptByLists(t *testing.T) {
	x := mustLoad(t, twoMethods+`
[method.adamw.sweep]
betas = [[0.9, 0.95], [0.8, 0.99]]
lr_groups.norm = [0.5, 1]
[method.galore.sweep]
update_proj_gap = [5, "never"]
targets = [["attn"]]
`, nil)
	want := []string{
		"adamw betas=0.9,0.95 lr_groups.norm=0.5", "adamw betas=0.9,0.95 lr_groups.norm=1",
		"adamw betas=0.8,0.99 lr_groups.norm=0.5", "adamw betas=0.8,0.99 lr_groups.norm=1",
		"galore update_proj_gap=5 targets=attn", "galore update_proj_gap=never targets=attn",
	}
	if diff := cmp.Diff(want, labels(x)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if g := x.Runs[5].Run.Method.UpdateProjGap; g != Never {
		t.Errorf("gap %v", g)
	}
	if x.Runs[4].Axes["update_proj_gap"] != 5 || x.Runs[5].Axes["update_proj_gap"] != "never" {
		t.Errorf("axes %v, %v", x.Runs[4].Axes, x.Runs[5].Axes)
	}
}

func TestSharedShortNames(t *testing.T) {
	x := mustLoad(t, "[sweep]\ntrain.batch_size = [4]\neval.batch_size = [2, 3]\n"+twoMethods, nil)
	if _, ok := x.Runs[0].Axes["train.batch_size"]; !ok || x.Runs[1].Axes["eval.batch_size"] != 3 {
		t.Errorf("axes %v", x.Runs[1].Axes)
	}
}

func TestDuplicatesMerge(t *testing.T) {
	x := mustLoad(t, twoMethods+`
[method.same]
kind = "adamw"
lr = 1e-3
betas = [0.9, 0.999]
train.log_every = 7
[method.galore.sweep]
rank = [4, 4]
[[case]]
method = "galore"
rank = 4
`, nil)
	if diff := cmp.Diff([]string{"adamw", "galore rank=4"}, labels(x)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if len(x.Notes) != 3 || !strings.Contains(x.Notes[2], "same (dir/x.toml:11) is the same run as one asked for at dir/x.toml:3") {
		t.Errorf("notes: %q", x.Notes)
	}
}

func TestFixedSeeds(t *testing.T) {
	x := mustLoad(t, "seeds = 2\nseed.data = 42\n"+twoMethods, nil)
	if got := x.Runs[2].Run.Seed; got != (Seed{Init: 1, Data: 42}) {
		t.Errorf("second seed resolved to %+v", got)
	}
	if len(x.Notes) != 1 || !strings.Contains(x.Notes[0], "seed.data is fixed at 42") {
		t.Errorf("notes %q", x.Notes)
	}
}

func TestReloraDefaults(t *testing.T) {
	x := mustLoad(t, `
[method.relora]
kind = "relora"
lr = 1e-3
rank = 8
merge_every = 50
train.scheduler = "jagged_cosine"
[method.random]
kind = "relora"
lr = 1e-3
rank = 8
merge_every = 50
reset = "random"
[method.none]
kind = "relora"
lr = 1e-3
rank = 8
merge_every = 50
reset = "none"
`, nil)
	a, b, c := x.Runs[0].Run.Method, x.Runs[1].Run.Method, x.Runs[2].Run.Method
	if a.CycleLength != 50 || a.RestartWarmupSteps != 5 || a.Reset != "zero" || !a.ResetStep || a.MergeAt != "boundary" || a.LoraAlpha != 32 || a.Scaling != "alpha_over_r" {
		t.Errorf("relora: %+v", a)
	}
	if b.ResetRatio != 0.999 || b.ResetStep || b.RestartWarmupSteps != 0 {
		t.Errorf("random: %+v", b)
	}
	if c.ResetRatio != 0 || c.ResetStep {
		t.Errorf("none: %+v", c)
	}
}

func TestFiguresAndTables(t *testing.T) {
	x := mustLoad(t, twoMethods+`
[[figure]]
id = "f"
kind = "line"
x = "rank"
y = "ppl"
group = "method"
where = { method = ["galore", "adamw"], train.steps = 100, "update_proj_gap" = 200 }
[[table]]
id = "t"
rows = ["method", "rank"]
ngrams = true
`, nil)
	f := x.Figures[0]
	if diff := cmp.Diff(map[string]any{"method": []any{"galore", "adamw"}, "train.steps": 100, "update_proj_gap": 200}, f.Where); diff != "" {
		t.Errorf("where (-want +got):\n%s", diff)
	}
	if !slices.Equal(f.Group, []string{"method"}) || !x.Tables[0].Ngrams || len(x.Tables[0].Rows) != 2 {
		t.Errorf("%+v, %+v", f, x.Tables)
	}
}

// TestNameOf: no two runs of an experiment have one name, and a single seed is
// not worth telling.
func TestNameOf(t *testing.T) {
	for _, seeds := range []string{"seeds=1", "seeds=3", "seeds=[7, 9]"} {
		x, err := Load("quick", []string{seeds})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, i := range x.Runs {
			names[x.NameOf(i)] = true
		}
		if len(names) != len(x.Runs) || names["galore rank=8"] != (len(x.Seeds) == 1) {
			t.Errorf("%s: %d runs, %d names", seeds, len(x.Runs), len(names))
		}
	}
}

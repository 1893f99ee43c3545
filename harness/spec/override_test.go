package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOverridesWin(t *testing.T) {
	text := twoMethods + `
train.steps = 30
[sweep]
train.warmup_steps = [1, 2]
[method.galore.sweep]
rank = [4, 8]
[[case]]
method = "galore"
rank = 2
scale = 0.5
`
	x := mustLoad(t, text, []string{
		"train.steps=20", " method.galore.rank = 5", "train.warmup_steps=3", "data.source=text", "data.modules=!unset", `data.paths=["a", "b"]`,
		"train.scheduler=linear", "seeds=[4]", "name=other", "title=a b = c", "train.steps=10",
	})
	if x.Name != "other" || x.Title != "a b = c" {
		t.Errorf("name %q, title %q", x.Name, x.Title)
	}
	if diff := cmp.Diff([]string{"adamw", "galore", "galore rank=5 scale=0.5"}, labels(x)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	for _, r := range x.Runs {
		if r.Run.Train.Steps != 10 || r.Run.Train.WarmupSteps != 3 || r.Run.Train.Scheduler != "linear" || r.Seed != 4 || r.Run.Data.Source != "text" || len(r.Run.Data.Paths) != 2 {
			t.Errorf("%s: %+v", r.Label, r.Run)
		}
		if r.Origin["train.steps"] != "(-S):11" {
			t.Errorf("origin of steps: %q", r.Origin["train.steps"])
		}
	}
	notes := strings.Join(x.Notes, "\n")
	for _, want := range []string{"train.warmup_steps on the command line replaces the axis train.warmup_steps of adamw (dir/x.toml:13)", "rank on the command line replaces the axis rank of galore"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q:\n%s", want, notes)
		}
	}
}

func TestOverrideReachesSweepAndCase(t *testing.T) {
	x := mustLoad(t, twoMethods+"[[case]]\nmethod = \"galore\"\nrank = 3\n", []string{"method.galore.sweep.rank=[1, 2]", "case=[]"})
	if diff := cmp.Diff([]string{"adamw", "galore rank=1", "galore rank=2"}, labels(x)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func TestBrokenOverrides(t *testing.T) {
	_, err := loadText(t, twoMethods, []string{
		"lr=0.01", "train.steps=2x", "steps=3", "method.galor.rank=3", "train.warmup=[1]", "galore.rank=3", "no value", "=3", "train.steps=[",
		"data.paths=/a/b", "method.galore.rank=500", "train.scheduler=", "[train]=3", "method.adamw.convention=galore\nx=1", "eval.tokens='3", "model=3",
	})
	if err == nil {
		t.Fatal("broken overrides were accepted")
	}
	golden(t, "testdata/overrides.golden", err.Error()+"\n")
}

func TestBareStrings(t *testing.T) {
	x := mustLoad(t, twoMethods, []string{"method.adamw.decay=l2", "data.tokenizer=sentencepiece", "data.tokenizer_model=/a dir/t5.model", "method.galore.update_proj_gap=never", "train.layerwise=true"})
	r := x.Runs[0].Run
	if r.Method.Decay != "l2" || r.Data.TokenizerModel != "/a dir/t5.model" || !r.Train.Layerwise || x.Runs[1].Run.Method.UpdateProjGap != Never {
		t.Errorf("%+v", r)
	}
}

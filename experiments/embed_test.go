package experiments_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"ranklab/experiments"
	"ranklab/harness/spec"
)

func load(t *testing.T, name string, overrides ...string) *spec.Experiment {
	t.Helper()
	x, err := spec.Load(name, overrides)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Every shipped experiment loads from the binary and from the folder, with the
// same runs.
func TestAllLoad(t *testing.T) {
	names := spec.Embedded()
	if want := []string{"130m-short", "gap-short", "paper/gap-130m", "paper/rank-130m", "paper/table2-130m", "proxy/drift", "proxy/gap", "proxy/moments", "proxy/precision", "proxy/projector-precision", "proxy/projectors", "proxy/rank", "proxy/scale", "proxy/table2", "quick", "quick-groups", "quick-lr", "quick-precision", "quick-projector", "rank-short"}; !slices.Equal(names, want) {
		t.Errorf("shipped: %q, want %q", names, want)
	}
	for _, name := range names {
		embedded, disk := load(t, "experiments/"+name), load(t, "./"+name+".toml")
		if embedded.Path == disk.Path {
			t.Errorf("%s: both come from %s", name, disk.Path)
		}
		if len(embedded.Runs) == 0 || len(embedded.Runs) != len(disk.Runs) {
			t.Errorf("%s: %d runs in the binary, %d on disk", name, len(embedded.Runs), len(disk.Runs))
			continue
		}
		for i, r := range embedded.Runs {
			if r.Run.RunID(spec.Digests{}) != disk.Runs[i].Run.RunID(spec.Digests{}) {
				t.Errorf("%s: run %s differs on disk", name, r.Label)
			}
		}
		if len(embedded.Notes) != 0 || embedded.Title == "" || len(embedded.Figures) == 0 || len(embedded.Tables) == 0 {
			t.Errorf("%s: notes %q, title %q, %d figures, %d tables", name, embedded.Notes, embedded.Title, len(embedded.Figures), len(embedded.Tables))
		}
	}
}

// Every key line of a file that a newcomer copies carries a comment nearby.
func TestFilesOpenWithAnExplanation(t *testing.T) {
	err := fs.WalkDir(experiments.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(experiments.FS, path)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s does not open with a comment", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestQuick(t *testing.T) {
	x := load(t, "quick")
	if len(x.Runs) != 11 || len(x.Seeds) != 1 {
		t.Errorf("%d runs, seeds %v", len(x.Runs), x.Seeds)
	}
	kinds := make(map[string]int)
	for _, r := range x.Runs {
		run := r.Run
		kinds[run.Method.Kind]++
		if share := run.Model.ProjectableShare(); share < 0.6 {
			t.Errorf("%s: %.1f %% of the parameters can be projected", r.Label, 100*share)
		}
		if run.Train.Steps < 400 {
			t.Errorf("%s: %d updates", r.Label, run.Train.Steps)
		}
	}
	for kind, want := range map[string]int{"adamw": 1, "lowrank": 1, "lora": 1, "relora": 1, "galore": 7} {
		if kinds[kind] != want {
			t.Errorf("%d runs of %s, want %d", kinds[kind], kind, want)
		}
	}
	galore, relora := x.Runs[4].Run, x.Runs[3].Run
	if refreshes := galore.Train.Steps / int(galore.Method.UpdateProjGap); refreshes < 8 {
		t.Errorf("%d refreshes", refreshes)
	}
	if merges := (relora.Train.Steps - 1) / relora.Method.MergeEvery; merges < 2 {
		t.Errorf("%d merges", merges)
	}
}

// Figures that pick runs by label name runs that exist.
func TestFigureLabels(t *testing.T) {
	for _, name := range spec.Embedded() {
		x := load(t, name)
		for _, f := range x.Figures {
			wanted, ok := f.Where["label"].([]any)
			if !ok {
				continue
			}
			for _, label := range wanted {
				if !slices.ContainsFunc(x.Runs, func(r spec.Instance) bool { return r.Label == label }) {
					t.Errorf("%s: figure %s wants a run %q", name, f.ID, label)
				}
			}
		}
	}
}

// The search is equal: as many rates for every method, spaced alike, of the
// methods as quick runs them.
func TestQuickLR(t *testing.T) {
	quick := make(map[string]spec.Run)
	for _, r := range load(t, "quick").Runs {
		if _, ok := quick[r.Variant]; !ok {
			quick[r.Variant] = r.Run
		}
	}
	rates := make(map[string][]float64)
	for _, r := range load(t, "quick-lr").Runs {
		rates[r.Variant] = append(rates[r.Variant], r.Run.Method.LR)
		run := r.Run
		run.Method.LR = quick[r.Variant].Method.LR
		if run.RunID(spec.Digests{}) != quick[r.Variant].RunID(spec.Digests{}) {
			t.Errorf("%s differs from quick in more than the rate", r.Label)
		}
	}
	if len(rates) != len(quick) {
		t.Errorf("%d methods searched, %d in quick", len(rates), len(quick))
	}
	for name, list := range rates {
		if len(list) != len(rates["adamw"]) {
			t.Errorf("%s: %d rates, adamw %d", name, len(list), len(rates["adamw"]))
		}
		for i := 1; i < len(list); i++ {
			if ratio := list[i] / list[i-1]; ratio < 1.99 || ratio > 2.01 {
				t.Errorf("%s: rates %v are not spaced by 2", name, list)
			}
		}
	}
}

// The paper's experiments can be planned without data, and start with the two
// values that a user gives.
func TestPaper(t *testing.T) {
	for name, runs := range map[string]int{"paper/table2-130m": 5, "paper/rank-130m": 16, "paper/gap-130m": 21} {
		x := load(t, name)
		if len(x.Runs) != runs {
			t.Errorf("%s: %d runs, want %d", name, len(x.Runs), runs)
		}
		for _, r := range x.Runs {
			run := r.Run
			if run.Model.NumParams() != 134_105_856 || run.Train.TotalBatchSize*run.Train.MaxLength != 131_072 || run.Train.WarmupSteps*10 != run.Train.Steps || run.Data.Packing != "pad" {
				t.Errorf("%s %s is not the protocol: %+v", name, r.Label, run)
			}
			if err := run.Data.Require(); err == nil {
				t.Errorf("%s %s needs nothing of the user", name, r.Label)
			}
		}
		given := []string{`data.paths=["/data/c4"]`, "data.tokenizer_model=/data/t5.model", "train.steps=2"}
		if name == "paper/table2-130m" {
			given = append(given, "method.relora.merge_every=1")
		}
		for _, r := range load(t, name, given...).Runs {
			if err := r.Run.Data.Require(); err != nil || r.Run.Train.Steps != 2 {
				t.Errorf("%s %s: %d steps, %v", name, r.Label, r.Run.Train.Steps, err)
			}
		}
	}
}

package plan

import (
	"testing"

	"ranklab/harness/spec"
)

// runOf returns the run of a label of the quick experiment, which has every
// kind of low-rank method.
func runOf(t *testing.T, label string) spec.Run {
	t.Helper()
	e, err := spec.Load("../../experiments/quick.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range e.Runs {
		if i.Label == label {
			return i.Run
		}
	}
	t.Fatalf("no run %q", label)
	return spec.Run{}
}

// TestKey: what changes no speed per token and layer shares a calibration, and
// what changes it does not.
func TestKey(t *testing.T) {
	here := machine{CPU: "CPU", ISA: "avx2", Threads: 2}
	for _, c := range []struct {
		label, name string
		change      func(*spec.Run)
		same        bool
	}{
		{"adamw", "steps", func(s *spec.Run) { s.Train.Steps = 7 }, true},
		{"adamw", "learning rate", func(s *spec.Run) { s.Method.LR = 1; s.Method.LRGroups = map[string]float64{"norm": 2} }, true},
		{"adamw", "schedule", func(s *spec.Run) { s.Train.Scheduler, s.Train.WarmupSteps, s.Train.MinLRRatio = "linear", 3, 0 }, true},
		{"adamw", "seeds", func(s *spec.Run) { s.Seed = spec.Seed{Init: 3, Data: 4} }, true},
		{"adamw", "data", func(s *spec.Run) { s.Data.Source, s.Data.Paths, s.Data.Packing = "text", []string{"x"}, "pad" }, true},
		{"adamw", "evaluation", func(s *spec.Run) { s.Eval = spec.Eval{Every: 1, Tokens: 2, BatchSize: 3} }, true},
		{"adamw", "depth", func(s *spec.Run) { s.Model.NumHiddenLayers = 30 }, true},
		{"adamw", "logging", func(s *spec.Run) { s.Train.LogEvery, s.Train.CheckpointEvery = 1, 1 }, true},
		{"adamw", "betas", func(s *spec.Run) { s.Method.Betas = []float64{0.8, 0.9} }, true},
		{"adamw", "accumulation", func(s *spec.Run) { s.Train.TotalBatchSize *= 4 }, true},
		{"adamw", "a larger batch than is timed", func(s *spec.Run) { s.Train.BatchSize, s.Train.TotalBatchSize = 64, 64 }, true},
		{"adamw", "clipping by another norm", func(s *spec.Run) { s.Train.GradClipping = 0.5 }, false}, // from none
		{"adamw", "a smaller batch", func(s *spec.Run) { s.Train.BatchSize = 8 }, false},
		{"adamw", "length", func(s *spec.Run) { s.Train.MaxLength = 256 }, false},
		{"adamw", "width", func(s *spec.Run) { s.Model.HiddenSize = 256 }, false},
		{"adamw", "vocabulary", func(s *spec.Run) { s.Model.VocabSize = 4096 }, false},
		{"adamw", "layerwise", func(s *spec.Run) { s.Train.Layerwise = true }, false},
		{"adamw", "activation checkpointing", func(s *spec.Run) { s.Train.ActivationCheckpointing = true }, false},
		{"adamw", "optimizer", func(s *spec.Run) { s.Method.Kind, s.Method.Optimizer = "sgd", "sgd" }, false},
		{"adamw", "storage of the weights", func(s *spec.Run) { s.Train.Dtype = "bfloat16" }, false},
		{"adamw", "storage of the state", func(s *spec.Run) { s.Train.StateDtype = "bfloat16" }, false},
		{"adamw", "8-bit state", func(s *spec.Run) { s.Method.Optimizer = "adamw8bit" }, false},
		{"galore", "interval of refreshes", func(s *spec.Run) { s.Method.UpdateProjGap = spec.Never }, true},
		{"galore", "scale", func(s *spec.Run) { s.Method.Scale = 3 }, true},
		{"galore", "rank", func(s *spec.Run) { s.Method.Rank = 8 }, false},
		{"galore", "projector", func(s *spec.Run) { s.Method.Projector = "svd" }, false},
		{"galore", "moments that start anew", func(s *spec.Run) { s.Method.Moments, s.Method.ResetStep = "reset", true }, true},
		{"galore", "moments that turn", func(s *spec.Run) { s.Method.Moments = "rotate" }, false},
		{"galore", "storage of the bases", func(s *spec.Run) { s.Method.ProjectorDtype = "int4" }, false},
		{"galore", "targets", func(s *spec.Run) { s.Method.Targets = []string{"attn"} }, false},
		{"lora", "alpha", func(s *spec.Run) { s.Method.LoraAlpha = 2 }, true},
		{"lora", "dropout", func(s *spec.Run) { s.Method.LoraDropout = 0.5 }, false},
		{"relora", "merges", func(s *spec.Run) { s.Method.MergeEvery, s.Method.CycleLength, s.Method.Reset = 9, 9, "none" }, true},
		{"relora", "a full-rank start", func(s *spec.Run) { s.Method.FullRankSteps = 10 }, false},
	} {
		s := runOf(t, c.label)
		before := key(here, shape(s))
		c.change(&s)
		if same := key(here, shape(s)) == before; same != c.same {
			t.Errorf("%s, %s: the same key: %v, want %v", c.label, c.name, same, c.same)
		}
	}
	lora, relora := runOf(t, "lora"), runOf(t, "relora")
	if key(here, shape(lora)) != key(here, shape(relora)) {
		t.Errorf("ReLoRA is timed apart from LoRA: %+v, %+v", shape(relora).Method, shape(lora).Method)
	}
	of := shape(runOf(t, "adamw"))
	for _, other := range []machine{{"other", "avx2", 2}, {"CPU", "avx512", 2}, {"CPU", "avx2", 1}} {
		if key(other, of) == key(here, of) {
			t.Errorf("%+v has the key of %+v", other, here)
		}
	}
}

// TestPhases: a full-rank warm start and what follows it are timed apart.
func TestPhases(t *testing.T) {
	s := runOf(t, "relora")
	s.Train.Steps = 480
	for _, c := range []struct {
		warm, done int
		want       []int
	}{{0, 0, []int{480}}, {0, 100, []int{380}}, {80, 0, []int{80, 400}}, {80, 30, []int{50, 400}}, {80, 80, []int{400}}, {80, 200, []int{280}}} {
		s.Method.FullRankSteps = c.warm
		var got []int
		for _, p := range phases(s, c.done) {
			got = append(got, p.updates)
		}
		if len(got) != len(c.want) || got[0] != c.want[0] || got[len(got)-1] != c.want[len(got)-1] {
			t.Errorf("warm start %d, %d updates done: %v, want %v", c.warm, c.done, got, c.want)
		}
	}
	s.Method.FullRankSteps = 80
	both := phases(s, 0)
	if warm, after := shape(both[0].run), shape(both[1].run); warm.Method.FullRankSteps < 1<<20 || after.Method.FullRankSteps != 0 {
		t.Errorf("shapes with %d and %d updates of full rank", warm.Method.FullRankSteps, after.Method.FullRankSteps)
	}
}

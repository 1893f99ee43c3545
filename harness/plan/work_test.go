package plan

import (
	"testing"

	"ranklab/harness/spec"
)

func TestRefreshes(t *testing.T) {
	var s spec.Run
	s.Method.Kind, s.Train.Steps = "galore", 480
	for _, c := range []struct {
		gap  spec.Gap
		step int
		want int
	}{{60, 0, 8}, {60, 1, 7}, {60, 60, 7}, {60, 61, 6}, {479, 0, 2}, {480, 0, 1}, {1, 0, 480}, {spec.Never, 0, 1}, {spec.Never, 5, 0}} {
		s.Method.UpdateProjGap = c.gap
		if got := refreshes(s, c.step); got != c.want {
			t.Errorf("gap %v from update %d: %v refreshes, want %v", c.gap, c.step, got, c.want)
		}
	}
}

// TestWork counts what the trainer does: evaluations after every so many updates
// and after the last, checkpoints likewise, the first bases apart from later ones.
func TestWork(t *testing.T) {
	for _, c := range []struct {
		name                          string
		steps, every, checkpoint, gap int
		done                          int
		want                          work
	}{
		{"whole", 480, 60, 120, 60, 0, work{updates: 480, refreshes: 7, first: 1, evaluations: 8, checkpoints: 4, digests: 1}},
		{"resumed", 480, 60, 120, 60, 120, work{updates: 360, refreshes: 6, evaluations: 6, checkpoints: 3, digests: 1}},
		{"in between", 480, 60, 120, 60, 130, work{updates: 350, refreshes: 5, evaluations: 6, checkpoints: 3, digests: 1}},
		{"uneven", 100, 60, 70, 30, 0, work{updates: 100, refreshes: 3, first: 1, evaluations: 2, checkpoints: 2, digests: 1}},
		{"no checkpoints on the way", 100, 50, 0, int(spec.Never), 0, work{updates: 100, first: 1, evaluations: 2, checkpoints: 1, digests: 1}},
		{"one evaluation", 10, 50, 0, 100, 0, work{updates: 10, first: 1, evaluations: 1, checkpoints: 1, digests: 1}},
		{"only the summary is missing", 100, 60, 70, 30, 100, work{}},
	} {
		var s spec.Run
		s.Method.Kind, s.Method.UpdateProjGap = "galore", spec.Gap(c.gap)
		s.Train.Steps, s.Train.CheckpointEvery, s.Eval.Every = c.steps, c.checkpoint, c.every
		if got := workOf(s, c.done); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		s.Train.DigestEvery = 40
		if got, want := workOf(s, c.done).digests-c.want.digests, due(c.steps, 40)-c.done/40; c.done < c.steps && got != want {
			t.Errorf("%s: %d rows of digests, want %d", c.name, got, want)
		}
		s.Eval.SelectTokens = 100
		if got := workOf(s, c.done).choices; got != min(1, c.want.updates) {
			t.Errorf("%s: %d evaluations on the selection set", c.name, got)
		}
		s.Method.Kind = "adamw"
		if got := workOf(s, c.done); got.first+got.refreshes != 0 || got.updates != c.want.updates {
			t.Errorf("%s, without bases: %+v", c.name, got)
		}
	}
}

// TestLooks: a run that is looked at adds passes, bases and decompositions at the
// refreshes that are looked at; one that is not, nothing.
func TestLooks(t *testing.T) {
	var s spec.Run
	s.Method.Kind, s.Train.Steps, s.Eval.Every = "galore", 480, 60
	for _, c := range []struct {
		gap  spec.Gap
		nth  int
		done int
		want int
	}{{60, 1, 0, 8}, {60, 3, 0, 3}, {60, 3, 1, 2}, {60, 3, 181, 1}, {spec.Never, 3, 0, 1}, {spec.Never, 1, 5, 0}} {
		s.Method.UpdateProjGap, s.Diagnostics.NthRefresh = c.gap, c.nth
		s.Diagnostics.Subspace = true
		if got := workOf(s, c.done).looks; got != c.want {
			t.Errorf("%+v: %d looks", c, got)
		}
		s.Diagnostics.Subspace = false
		if got := workOf(s, c.done).looks; got != 0 {
			t.Errorf("%+v: %d looks of a run that nobody looks at", c, got)
		}
	}
	s.Model.HiddenSize, s.Model.IntermediateSize, s.Model.NumHiddenLayers = 2, 3, 5
	if got, want := decompositions(s), 5*(4*(8+72.)+3*(12+72)); got != want {
		t.Errorf("%v operations, want %v", got, want)
	}
	v := volume{work: work{looks: 3}, phases: []phase{{run: s}}}
	if got, want := float64(v.looking(10, 1)), 3*12.; !(got > want && got < want+1e-6) {
		t.Errorf("%v s, want a little more than %v", got, want)
	}
}

package plan

import (
	"ranklab/harness/spec"
)

// A work counts what is left of a run.
type work struct {
	updates     int // of all phases
	refreshes   int // new bases from old ones
	first       int // 1 where the first bases are still to be found
	looks       int // refreshes that are looked at
	evaluations int
	choices     int // evaluations on the selection set
	checkpoints int
	digests     int // of all weights and states: rows, and that of the result
}

// workOf counts what a run does after some updates.
func workOf(s spec.Run, done int) work {
	if done >= s.Train.Steps { // at most the last evaluation and the summary are missing
		return work{}
	}
	w := work{
		updates:     s.Train.Steps - done,
		refreshes:   refreshes(s, done),
		looks:       looks(s, done),
		evaluations: due(s.Train.Steps, s.Eval.Every) - done/s.Eval.Every,
		checkpoints: 1, // the one that stays
		digests:     1, // of the result
	}
	if every := s.Train.DigestEvery; every > 0 {
		w.digests += due(s.Train.Steps, every) - done/every
	}
	if s.Eval.SelectTokens > 0 {
		w.choices = 1
	}
	if w.refreshes > 0 && done == 0 {
		w.refreshes, w.first = w.refreshes-1, 1
	}
	if every := s.Train.CheckpointEvery; every > 0 {
		w.checkpoints = due(s.Train.Steps, every) - done/every
	}
	return w
}

// due counts what happens every so many updates, and once more at the end if it
// does not happen then anyway.
func due(steps, every int) int { return (steps + every - 1) / every }

// refreshes is the number of times that GaLore computes new bases from an
// update on.
func refreshes(s spec.Run, done int) int {
	gap := int(s.Method.UpdateProjGap)
	switch {
	case s.Method.Kind != "galore":
		return 0
	case gap == int(spec.Never) && done > 0:
		return 0
	case gap == int(spec.Never):
		return 1
	}
	return due(s.Train.Steps, gap) - due(done, gap)
}

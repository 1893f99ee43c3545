package plan

import (
	"slices"

	"ranklab/harness/record"
	"ranklab/harness/spec"
)

// looks is the number of refreshes at which a run looks at its subspaces, from an
// update on.
func looks(s spec.Run, done int) int {
	if !s.Diagnostics.Subspace {
		return 0
	}
	s.Method.UpdateProjGap *= spec.Gap(max(1, s.Diagnostics.NthRefresh))
	if s.Method.UpdateProjGap < 0 {
		s.Method.UpdateProjGap = spec.Never
	}
	return refreshes(s, done)
}

// decompositions is the arithmetic of the exact singular values of every gradient
// that is projected: a Gram matrix, and its eigenvalues, about 9m³.
func decompositions(s spec.Run) float64 {
	of := func(m, n int) float64 {
		short, long := float64(min(m, n)), float64(max(m, n))
		return short*short*long + 9*short*short*short
	}
	var layer float64
	d, f := s.Model.HiddenSize, s.Model.IntermediateSize
	all := len(s.Method.Targets) == 0
	if all || slices.Contains(s.Method.Targets, "attn") {
		layer += 4 * of(d, d)
	}
	if all || slices.Contains(s.Method.Targets, "mlp") {
		layer += 3 * of(d, f)
	}
	return layer * float64(s.Model.NumHiddenLayers)
}

// looking is the time of [diagnostics] of a run of which one update's passes and
// one refresh take so many seconds: at each look the passes of two half batches,
// a basis for each, and the singular values, on one thread.
func (v volume) looking(pass, refresh float64) record.Float {
	if v.looks == 0 {
		return 0
	}
	return record.Float(float64(v.looks) * (pass + 2*refresh + decompositions(v.phases[0].run)/decompositionRate))
}

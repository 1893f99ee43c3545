package train

import (
	"ranklab/harness/footprint"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/models"
)

// columns returns the memory of a run by the two rules that are not what it
// registers: exact bf16, and that of the paper. Each is nil where the rule does
// not reach: projections of attention or MLP alone, settings of 8-bit moments
// that are not the published ones, and for the paper's anything but its own
// models and methods without a warm start. Like what is registered, exact bf16 is
// that of the largest phase.
func columns(s spec.Run) (*record.ExactBF16, *record.Paper) {
	m := s.Method
	f := footprint.Method{
		Kind: m.Kind, Optimizer: m.Optimizer, Momentum: m.Momentum > 0, Rank: m.Rank, ProjType: m.ProjType,
		Block: m.BlockSize, Layerwise: s.Train.Layerwise,
	}
	if m.ProjectorDtype == "int8" || m.ProjectorDtype == "int4" { // the other formats are 2 bytes per value here
		f.ProjectorDtype = m.ProjectorDtype
	}
	switch {
	case len(m.Targets) == 1, m.Optimizer == "sgd" && m.Momentum == 0, m.Optimizer == "adamw8bit" && m.Min8bitSize != 4096:
		return nil, nil
	}
	p, err := footprint.Exact(s.Model.Config, f)
	if err != nil {
		return nil, nil
	}
	exact := &record.ExactBF16{Weights: p.AllWeights(), Gradients: p.Gradients, States: p.States()}
	if m.FullRankSteps > 0 { // the adapters exist, and everything else is trained
		f.Kind, f.Rank = m.Optimizer, 0
		full, err := footprint.Exact(s.Model.Config, f)
		if err != nil {
			return nil, nil
		}
		if full.Gradients+full.States() > exact.Gradients+exact.States {
			exact.Gradients, exact.States = full.Gradients, full.States()
		}
		return exact, nil
	}
	if c, ok := models.Preset(s.Model.Preset); ok && c == s.Model.Config {
		if rule, ok := footprint.Paper(s.Model.Preset, f); ok {
			return exact, &record.Paper{Weights: rule.Weights, States: rule.States}
		}
	}
	return exact, nil
}

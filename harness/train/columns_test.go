package train

import (
	"testing"

	"ranklab/harness/footprint"
	"ranklab/harness/spec"
	"ranklab/models"
)

// TestColumns: a recorded run carries the exact bf16 column, and the paper's for
// the paper's own models alone.
func TestColumns(t *testing.T) {
	config, _ := models.Preset("130m")
	run := func(f footprint.Method, change func(*spec.Run)) spec.Run {
		s := footprintRun(config, newFootprintCase(f).run)
		s.Model.Preset = "130m"
		s.Method.Targets = []string{"attn", "mlp"}
		if change != nil {
			change(&s)
		}
		return s
	}
	galore := footprint.Method{Kind: "galore", Rank: 256}
	for _, c := range []struct {
		name          string
		run           spec.Run
		states, paper int64 // 0: no column
	}{
		{"full rank", run(footprint.Method{Kind: "adamw"}, nil), 2 * 268211712, 4 * 130e6},
		{"galore", run(galore, nil), 2 * 171480576, 3 * 93978624},
		{"another vocabulary", run(galore, func(s *spec.Run) { s.Model.VocabSize = 31999 }), 2 * (171480576 - 4*768), 0},
		{"8 bits", run(footprint.Method{Kind: "galore", Rank: 256, Optimizer: "adamw8bit"}, nil), 190531584, 0},
		{"8 bits for all", run(footprint.Method{Kind: "adamw8bit"}, func(s *spec.Run) { s.Method.Min8bitSize = 0 }), 0, 0},
		{"bases in 8 bits", run(galore, func(s *spec.Run) { s.Method.ProjectorDtype = "int8" }), 326_768_640, 0},
		{"bases in 4 bits", run(galore, func(s *spec.Run) { s.Method.ProjectorDtype = "int4" }), 318_511_104, 0},
		{"bases in float32, moments in bfloat16", run(galore, func(s *spec.Run) { s.Method.ProjectorDtype = "float32" }), 2 * 171480576, 3 * 93978624},
		{"a full-rank warm start", run(footprint.Method{Kind: "relora", Rank: 256}, func(s *spec.Run) { s.Method.FullRankSteps = 5 }), 2 * 268211712, 0},
		{"attention alone", run(galore, func(s *spec.Run) { s.Method.Targets = []string{"attn"} }), 0, 0},
		{"no momentum", run(footprint.Method{Kind: "sgd"}, func(s *spec.Run) { s.Method.Momentum = 0 }), 0, 0},
	} {
		exact, paper := columns(c.run)
		if (exact != nil) != (c.states > 0) || exact != nil && exact.States != c.states {
			t.Errorf("%s: exact bf16 %+v, want states of %d", c.name, exact, c.states)
		}
		if (paper != nil) != (c.paper > 0) || paper != nil && paper.States != c.paper {
			t.Errorf("%s: paper %+v, want states of %d", c.name, paper, c.paper)
		}
	}
}

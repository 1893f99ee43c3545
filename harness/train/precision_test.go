package train

import (
	"math"
	"testing"

	"ranklab/harness/spec"
)

// TestPrecisionTrajectories: runs with 8-bit moments, and with weights and
// moments in bfloat16, follow the float32 run of the same seed: every training
// loss stays close, and the model learns as much.
func TestPrecisionTrajectories(t *testing.T) {
	set, base := wide(t)
	base.Train.Steps, base.Train.WarmupSteps, base.Eval.Every = 80, 8, 80
	run := func(name string, change func(*spec.Run)) []float64 {
		s := base
		wideVariants()[name](&s)
		s.Method.LR = 0.005
		change(&s)
		r := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()})
		var losses []float64
		for _, row := range r.rows(t).Train {
			losses = append(losses, float64(row.Loss))
		}
		return losses
	}
	for _, c := range []struct {
		name, of string
		within   float64 // nats, in any update
		change   func(*spec.Run)
	}{
		{"adamw8bit", "adamw", 0.0015, func(s *spec.Run) { s.Method.BlockSize = 256 }},
		{"galore-8bit", "galore", 0.025, func(s *spec.Run) { s.Method.BlockSize = 256 }},
		{"adamw-bfloat16", "adamw", 0.015, func(*spec.Run) {}},
		{"adamw-bfloat16", "adamw", 0.002, func(s *spec.Run) {
			s.Train.Dtype, s.Train.StateDtype = spec.BFloat16Stochastic, spec.BFloat16Stochastic
		}},
	} {
		want, got := run(c.of, func(*spec.Run) {}), run(c.name, c.change)
		var worst float64
		for i := range want {
			worst = max(worst, math.Abs(got[i]-want[i]))
		}
		t.Logf("%s: training losses differ from %s's by at most %.4f; last %.4f and %.4f, first %.4f", c.name, c.of, worst, got[len(got)-1], want[len(want)-1], want[0])
		if !(worst < c.within) || worst == 0 {
			t.Errorf("%s: training losses differ from %s's by up to %.4f", c.name, c.of, worst)
		}
	}
}

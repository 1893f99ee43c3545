package train

import (
	"fmt"

	"ranklab/harness/spec"
	"ranklab/optim"
)

// NewSchedule returns the learning-rate factor of each update.
func NewSchedule(s spec.Run) (optim.Schedule, error) {
	t, m := s.Train, s.Method
	h := optim.Horizon{Steps: t.Steps, Warmup: t.WarmupSteps, MinLRRatio: t.MinLRRatio}
	switch t.Scheduler {
	case "constant":
		return optim.Constant(h)
	case "linear":
		return optim.Linear(h)
	case "cosine":
		return optim.Cosine(h)
	case "jagged_cosine":
		return optim.JaggedCosine(h, optim.Jag{CycleLength: m.CycleLength, RestartWarmup: m.RestartWarmupSteps, FullRankSteps: m.FullRankSteps})
	}
	return nil, fmt.Errorf("unknown scheduler %q", t.Scheduler)
}

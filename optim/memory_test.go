package optim_test

import (
	"testing"

	"ranklab/internal/memory"
	"ranklab/optim"
	"ranklab/optim/optimtest"
)

// Two moments of every parameter of the reference configs.
func TestFullRankElements(t *testing.T) {
	for preset, want := range map[string]int64{"60m": 116147200, "130m": 268211712, "350m": 735938560, "1b": 2678165504, "7b": 13476831232} {
		m, err := optim.NewFullRank(optim.Base{Rule: optim.DefaultAdamW()})
		if err != nil {
			t.Fatal(err)
		}
		if got := optimtest.Elements(t, m, preset)[memory.OptimizerState]; got != want {
			t.Errorf("%s: %d elements of state, want %d", preset, got, want)
		}
	}
}

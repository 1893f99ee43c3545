package lora_test

import (
	"testing"

	"ranklab/internal/memory"
	"ranklab/lora"
	"ranklab/optim/optimtest"
)

// The reference configs at the paper's ranks.
func TestElements(t *testing.T) {
	for _, c := range []struct {
		preset         string
		rank           int
		weights, state int64
	}{
		{"60m", 128, 68067840, 85541888}, {"130m", 256, 178932480, 187995648}, {"350m", 256, 487605248, 370444288},
		{"1b", 512, 1817221120, 1218621440}, {"7b", 1024, 9296941056, 5641871360},
	} {
		config := config()
		config.Rank = c.rank
		m, err := lora.New(config)
		if err != nil {
			t.Fatal(err)
		}
		got := optimtest.Elements(t, m, c.preset)
		if w := got[memory.Weights] + got[memory.Adapters]; w != c.weights {
			t.Errorf("%s: %d elements of weights and adapters, want %d", c.preset, w, c.weights)
		}
		if s := got[memory.OptimizerState]; s != c.state {
			t.Errorf("%s: %d elements of state, want %d", c.preset, s, c.state)
		}
	}
}

package lowrank_test

import (
	"testing"

	"ranklab/internal/memory"
	"ranklab/lowrank"
	"ranklab/optim/optimtest"
)

// The reference configs at the paper's ranks: the dense weights are gone.
func TestElements(t *testing.T) {
	for _, c := range []struct {
		preset         string
		rank           int
		weights, state int64
	}{
		{"60m", 128, 42770944, 85541888}, {"130m", 256, 93997824, 187995648}, {"350m", 256, 185222144, 370444288},
		{"1b", 512, 609310720, 1218621440}, {"7b", 1024, 2820935680, 5641871360},
	} {
		config := config(lowrank.Matched)
		config.Rank = c.rank
		m, err := lowrank.New(config)
		if err != nil {
			t.Fatal(err)
		}
		got := optimtest.Elements(t, m, c.preset)
		if w := got[memory.Weights] + got[memory.Adapters]; w != c.weights {
			t.Errorf("%s: %d elements of weights, want %d", c.preset, w, c.weights)
		}
		if s := got[memory.OptimizerState]; s != c.state {
			t.Errorf("%s: %d elements of state, want %d", c.preset, s, c.state)
		}
	}
}

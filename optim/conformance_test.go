package optim_test

import (
	"testing"

	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
)

func TestFullRank(t *testing.T) {
	galore := optim.DefaultAdamW()
	galore.Convention, galore.Eps = optim.GaLoreAdamW, 1e-6
	momentum := optim.DefaultAdafactor()
	momentum.Momentum = 0.9
	numel := func(p *models.Param) int { return p.W.Rows * p.W.Cols }
	factored := func(p *models.Param) int {
		if p.W.Rows == 1 {
			return p.W.Cols
		}
		return p.W.Rows + p.W.Cols
	}
	for _, c := range []struct {
		name  string
		base  optim.Base
		lr    float64
		state func(p *models.Param) int
	}{
		{"adamw", optim.Base{Rule: optim.DefaultAdamW()}, 0.05, func(p *models.Param) int { return 2 * numel(p) }},
		{"adamw galore", optim.Base{Rule: galore}, 0.05, func(p *models.Param) int { return 2 * numel(p) }},
		{"adamw decay", optim.Base{Rule: optim.DefaultAdamW(), WeightDecay: 0.01, Decay: optim.DecayAfter}, 0.05, func(p *models.Param) int { return 2 * numel(p) }},
		{"sgd", optim.Base{Rule: optim.SGD{}}, 0.3, func(*models.Param) int { return 0 }},
		{"momentum", optim.Base{Rule: optim.SGD{Momentum: 0.8}}, 0.1, numel},
		{"adafactor", optim.Base{Rule: optim.DefaultAdafactor()}, 0.05, factored},
		{"adafactor momentum", optim.Base{Rule: momentum}, 0.05, func(p *models.Param) int { return factored(p) + numel(p) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			optimtest.Run(t, optimtest.Case{
				New: func() (optim.Method, error) { return optim.NewFullRank(c.base) },
				LR:  c.lr, Reduce: 50, State: c.state, Breaks: []int{1, 17},
			})
		})
	}
}

func TestAdamW8bit(t *testing.T) {
	rule := optim.DefaultAdamW8bit()
	rule.Block, rule.MinSize = 64, 200 // the suite's model has tensors of 16 to 384 elements
	bytes := func(p *models.Param) int64 {
		n := int64(p.W.Rows * p.W.Cols)
		if n < 200 {
			return 8 * n
		}
		return 2*n + 8*((n+63)/64)
	}
	optimtest.Run(t, optimtest.Case{
		New: func() (optim.Method, error) { return optim.NewFullRank(optim.Base{Rule: rule}) },
		LR:  0.05, Reduce: 50, StateBytes: bytes, Breaks: []int{1, 17},
	})
}

package optim

import (
	"fmt"

	"ranklab/models"
	"ranklab/tensor"
)

// FullRank trains every parameter by the base optimizer: the baseline that the
// low-rank methods are compared with.
//
//	W ← W - Δ(G)
//
// Weights and gradients mn; state that of the base optimizer, 2mn for AdamW.
type FullRank struct {
	base Base
	set  *Set
}

var _ Method = (*FullRank)(nil)

// NewFullRank returns the method.
func NewFullRank(b Base) (*FullRank, error) {
	if err := b.Validate(); err != nil {
		return nil, fmt.Errorf("full rank: %w", err)
	}
	return &FullRank{base: b}, nil
}

// Attach implements [Method].
func (f *FullRank) Attach(m *models.Llama, env Env) error {
	f.set = NewSet(f.base, env, m.Params(), func(*models.Param) bool { return true })
	return nil
}

// Update implements [Method].
func (f *FullRank) Update(p *models.Param, grad tensor.Matrix, s Step) {
	f.set.Update(p, grad, s.Clock())
}

// EndStep implements [Method].
func (f *FullRank) EndStep(Step) error { return nil }

// State implements [Method].
func (f *FullRank) State() []Buffer { return f.set.State() }

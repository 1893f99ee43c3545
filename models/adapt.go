package models

import (
	"fmt"

	"ranklab/tensor"
)

// Adapt freezes the weight of l and adds a trainable low-rank term beside it:
// y = x Wᵀ + scale·drop(x) Aᵀ Bᵀ with A (rank, in) and B (out, rank)
// (2106.09685). The factors have no Init; the caller sets both before
// [Llama.Allocate].
func (m *Llama) Adapt(l *Linear, rank int, scale, dropout float32) {
	if dropout < 0 || dropout >= 1 {
		panic(fmt.Sprintf("models: dropout %v is not in [0, 1)", dropout))
	}
	m.addFactors(l, rank, scale)
	l.Dropout = dropout
	l.A.Adapter, l.B.Adapter = true, true
	l.Weight.Frozen = true
}

// Factor replaces the weight of l by a product: y = scale·x Aᵀ Bᵀ with A
// (rank, in) and B (out, rank), both trained (2209.13569). The factors have no
// Init; the caller sets both before [Llama.Allocate].
func (m *Llama) Factor(l *Linear, rank int, scale float32) {
	m.addFactors(l, rank, scale)
	l.Weight = nil
	m.number()
}

func (m *Llama) addFactors(l *Linear, rank int, scale float32) {
	switch {
	case m.work != nil:
		panic("models: " + l.Name + " is changed after Allocate")
	case l.Role == Head:
		panic("models: the head takes no factors")
	case l.A != nil:
		panic("models: " + l.Name + " already has factors")
	case rank <= 0 || rank > min(l.In, l.Out):
		panic(fmt.Sprintf("models: rank %d of %s is not in 1 … %d", rank, l.Name, min(l.In, l.Out)))
	}
	l.Scale = scale
	l.A = &Param{Name: l.Name + ".lora_A.weight", Role: l.Role, W: tensor.Of(nil, rank, l.In)}
	l.B = &Param{Name: l.Name + ".lora_B.weight", Role: l.Role, W: tensor.Of(nil, l.Out, rank)}
	m.number()
}

package models

import (
	"fmt"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// A Runtime is what a model runs with.
type Runtime struct {
	Device *tensor.Device
	Ledger *memory.Ledger // may be predicting: then nothing is allocated or filled
	Key    random.Key     // random.New(seed.init): keys initialisation and dropout
	// Weights is how parameters are kept. The first rounding, of what Init
	// draws, is to nearest.
	Weights tensor.Precision
	// Checkpointing keeps only the input of each block; the backward pass
	// computes the rest again, to the same bits (1604.06174).
	Checkpointing bool
	// OwnGradients promises that every trainable parameter has its Grad set
	// before each backward pass, so that no shared scratch is needed.
	OwnGradients bool
}

// Allocate gives the model its memory through the ledger, for batches of up to
// batch sequences of up to length tokens: weights, then what a forward pass
// and, if train is set, a backward pass need. It fills every parameter by its
// Init with the key ("init", name) of rt.Key. Nothing is allocated later.
//
// With a predicting ledger Allocate only keeps the books.
func (m *Llama) Allocate(rt Runtime, batch, length int, train bool) {
	if m.work != nil {
		panic("models: Allocate called twice")
	}
	if batch <= 0 || length <= 0 {
		panic(fmt.Sprintf("models: Allocate for %d sequences of %d tokens", batch, length))
	}
	m.rt = rt
	init := rt.Key.Stream("init")
	for _, p := range m.params {
		if p.Init == nil {
			panic("models: " + p.Name + " has no Init")
		}
		category := memory.Weights
		if p.Adapter {
			category = memory.Adapters
		}
		p.Kept = tensor.AllocStore(rt.Ledger, category, p.Name, p.W.Rows, p.W.Cols, rt.Weights.Format())
		p.W = tensor.Of(p.Kept.Floats, p.W.Rows, p.W.Cols)
	}
	m.allocateOpen()
	if !rt.Ledger.Predicting() {
		for _, p := range m.params {
			w := m.value(p)
			p.Init(rt.Device, w, init.Tensor(p.Name))
			if p.Kept.Halves != nil {
				rt.Device.Save(p.Kept, w, tensor.Rounding{})
			}
		}
	}
	m.work = m.newBuffers(rt, batch, length, train)
	if !rt.Ledger.Predicting() {
		tensor.RopeTables(m.work.cos, m.work.sin, m.RopeTheta)
	}
}

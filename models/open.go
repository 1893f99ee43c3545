package models

import (
	"ranklab/internal/memory"
	"ranklab/tensor"
)

// Parameters that are not kept in float32 are widened when they are used, one
// of each part at a time, into scratch as large as the largest of that part.

// A part is the place of a parameter in its module.
type part uint8

const (
	whole part = iota // a weight, the embedding, a gain
	down              // A
	up                // B
	numParts
)

// allocateOpen allocates the scratch.
func (m *Llama) allocateOpen() {
	if m.rt.Weights.Format().Type == tensor.Float32 {
		return
	}
	for _, l := range m.linears {
		if l.A != nil {
			l.A.part, l.B.part = down, up
		}
	}
	var sizes [numParts]int
	for _, p := range m.params {
		sizes[p.part] = max(sizes[p.part], p.W.Rows*p.W.Cols)
	}
	for i, name := range [numParts]string{"open weight", "open lora_A", "open lora_B"} {
		if sizes[i] > 0 {
			m.opened[i] = m.rt.Ledger.Floats(memory.Scratch, name, sizes[i])
		}
	}
}

// value returns the parameter in float32: to be read, until the next value of a
// parameter of the same part.
func (m *Llama) value(p *Param) tensor.Matrix {
	if p.Kept.Halves == nil {
		return p.W
	}
	w := tensor.Of(m.opened[p.part], p.W.Rows, p.W.Cols)
	m.rt.Device.Load(w, p.Kept)
	return w
}

// Open gives p.W its values if the parameter is not kept in float32. Until Close
// no other parameter of its part (weight, A or B) may be opened, and the model
// may not run.
func (m *Llama) Open(p *Param) {
	if p.Kept.Halves != nil {
		p.W = m.value(p)
	}
}

// Close keeps the values that p.W has now, rounded if they are not kept in
// float32, and takes p.W its values.
func (m *Llama) Close(p *Param, r tensor.Rounding) {
	if p.Kept.Halves != nil {
		m.rt.Device.Save(p.Kept, p.W, r)
		p.W.Data = nil
	}
}

// Rounding returns the rounding of a parameter when a purpose writes it the n-th
// time: its noise is keyed by ("rounding", purpose, name, n).
func (m *Llama) Rounding(purpose string, p *Param, n int) tensor.Rounding {
	return m.rt.Weights.Rounding(m.rt.Key.Stream("rounding").Stream(purpose).Tensor(p.Name), n)
}

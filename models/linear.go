package models

import (
	"ranklab/internal/random"
	"ranklab/tensor"
)

// adapting reports whether the factors of l take part.
func (l *Linear) adapting() bool { return l.A != nil && !l.Bypass }

// drops reports whether the factors of l see a masked input.
func (l *Linear) drops(train bool) bool { return train && l.Weight != nil && l.Dropout > 0 }

// dropoutKey returns the key and the first index of the mask that a batch
// drops the inputs of l with: the stream of (seed, "dropout", module, update),
// each micro-batch in its own range.
func (m *Llama) dropoutKey(l *Linear, b Batch) (random.Key, uint64) {
	key := m.rt.Key.Stream("dropout").Tensor(l.Name).Step(b.Step)
	return key, uint64(b.Micro) * uint64(m.work.batch*m.work.length) * uint64(l.In)
}

// dropped returns x or, if l drops in training, its masked copy in scratch.
func (m *Llama) dropped(l *Linear, x tensor.Matrix, b Batch, train bool) tensor.Matrix {
	if !l.drops(train) {
		return x
	}
	key, offset := m.dropoutKey(l, b)
	y := tensor.Of(m.work.dropped, x.Rows, x.Cols)
	m.rt.Device.Dropout(y, x, l.Dropout, key, offset)
	return y
}

// linear computes y ← l(x) + beta·y. h receives x Aᵀ.
//
//	x (N, in), y (N, out), h (N, rank)
func (m *Llama) linear(l *Linear, y, x, h tensor.Matrix, beta float32, b Batch, train bool) {
	d := m.rt.Device
	if l.Weight != nil {
		d.Gemm(tensor.N, tensor.T, 1, x, m.value(l.Weight), beta, y)
		beta = 1
	}
	if l.adapting() {
		m.factor(l, x, h, b, train)
		d.Gemm(tensor.N, tensor.T, l.Scale, h, m.value(l.B), beta, y)
	}
}

// factor computes h ← drop(x) Aᵀ.
func (m *Llama) factor(l *Linear, x, h tensor.Matrix, b Batch, train bool) {
	m.rt.Device.Gemm(tensor.N, tensor.T, 1, m.dropped(l, x, b, train), m.value(l.A), 0, h)
}

// linearBackward computes dx ← dl/dx + beta·dx and hands the gradients of the
// trainable parameters of l to sink, after dx is complete: with s the scale
// and x' the dropped input (2106.09685),
//
//	dx = dy W + mask ⊙ (u A)/(1-p),  u = s·dy B
//	dW = dyᵀ x,  dA = uᵀ x',  dB = s·dyᵀ h
//
//	dx, x (N, in), dy (N, out), h (N, rank) as linear left it
func (m *Llama) linearBackward(l *Linear, dx, dy, x, h tensor.Matrix, beta float32, b Batch, train bool, sink GradFunc) {
	d := m.rt.Device
	if l.Weight != nil {
		d.Gemm(tensor.N, tensor.N, 1, dy, m.value(l.Weight), beta, dx)
		beta = 1
	}
	var u tensor.Matrix // (N, rank)
	if l.adapting() {
		u = tensor.Of(m.work.dfactor, dy.Rows, l.A.W.Rows)
		d.Gemm(tensor.N, tensor.N, l.Scale, dy, m.value(l.B), 0, u)
		if l.drops(train) {
			key, offset := m.dropoutKey(l, b)
			g := tensor.Of(m.work.dropped, dx.Rows, dx.Cols)
			d.Gemm(tensor.N, tensor.N, 1, u, m.value(l.A), 0, g)
			d.DropoutBackward(dx, g, l.Dropout, key, offset)
		} else {
			d.Gemm(tensor.N, tensor.N, 1, u, m.value(l.A), beta, dx)
		}
	}
	if l.Weight != nil && !l.Weight.Frozen {
		m.gradient(l.Weight, 1, dy, x, sink)
	}
	if l.adapting() && !l.A.Frozen {
		m.gradient(l.A, 1, u, m.dropped(l, x, b, train), sink)
	}
	if l.adapting() && !l.B.Frozen {
		m.gradient(l.B, l.Scale, dy, h, sink)
	}
}

// gradient hands alpha·aᵀ b to sink as the gradient of p.
func (m *Llama) gradient(p *Param, alpha float32, a, b tensor.Matrix, sink GradFunc) {
	g := m.gradOf(p)
	m.rt.Device.Gemm(tensor.T, tensor.N, alpha, a, b, 0, g)
	sink(p, g)
}

// gradOf returns where the gradient of p goes.
func (m *Llama) gradOf(p *Param) tensor.Matrix {
	if p.Grad.Rows > 0 {
		return p.Grad
	}
	return tensor.Of(m.work.grad, p.W.Rows, p.W.Cols)
}

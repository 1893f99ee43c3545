package models

import "ranklab/tensor"

// Backward computes the gradients of scale·Σ loss over the targets of the
// batch that the latest [Llama.Forward] was given, and hands each to sink as
// soon as it is complete, from the head down to the embedding: one call per
// parameter that is not frozen (and not part of a bypassed adapter). A weight
// is not read any more once its gradient has been handed over, so sink may
// update it.
//
// With scale = 1/(targets of the whole update) the gradients of its
// micro-batches add up to that of the token mean.
//
// It returns the sum of the token losses and their number. The forward pass is
// consumed: its buffers are overwritten.
func (m *Llama) Backward(b Batch, scale float32, sink GradFunc) (lossSum float64, n int) {
	w, d := m.work, m.rt.Device
	if w == nil || !w.pending || w.fed.B != b.B || w.fed.T != b.T {
		panic("models: Backward without the Forward of its batch")
	}
	w.pending = false
	train := w.fedTrain

	lossSum, n = m.headBackward(b, scale, sink)
	d.Zero(w.dh)
	m.normBackward(m.Norm, w.out, w.outRstd, sink)
	for i := len(m.Layers) - 1; i >= 0; i-- {
		l, a := m.Layers[i], &w.blocks[i]

		m.again(i, b, train)
		m.linearBackward(l.Down, w.dmlp, w.dh, w.mlp, a.factors[6], 0, b, train, sink)
		dgate, dup := a.gate, a.up
		d.SwiGLUBackward(dgate, dup, w.dmlp, a.gate, a.up)
		d.RMSNormAgain(w.normed, a.midRstd, a.mid, m.value(l.PostNorm))
		m.linearBackward(l.Up, w.dx, dup, w.normed, a.factors[5], 0, b, train, sink)
		m.linearBackward(l.Gate, w.dx, dgate, w.normed, a.factors[4], 1, b, train, sink)
		m.normBackward(l.PostNorm, a.mid, a.midRstd, sink)

		m.linearBackward(l.O, w.dx, w.dh, a.attended, a.factors[3], 0, b, train, sink)
		d.AttentionBackward(w.dq, w.dk, w.dv, w.dx, a.attended, a.lse, a.q, a.k, a.v, b.B, m.NumAttentionHeads, w.scores)
		d.RopeBackward(w.dk, w.cos, w.sin, b.T)
		d.RopeBackward(w.dq, w.cos, w.sin, b.T)
		d.RMSNormAgain(w.normed, a.xRstd, a.x, m.value(l.InputNorm))
		m.linearBackward(l.V, w.dx, w.dv, w.normed, a.factors[2], 0, b, train, sink)
		m.linearBackward(l.K, w.dx, w.dk, w.normed, a.factors[1], 1, b, train, sink)
		m.linearBackward(l.Q, w.dx, w.dq, w.normed, a.factors[0], 1, b, train, sink)
		m.normBackward(l.InputNorm, a.x, a.xRstd, sink)
	}
	if !m.Embed.Frozen {
		g := m.gradOf(m.Embed)
		d.EmbedBackward(g, w.dh, b.Tokens)
		sink(m.Embed, g)
	}
	return lossSum, n
}

// normBackward adds the gradient of a norm's input x to dh; dx holds that of
// its output.
func (m *Llama) normBackward(p *Param, x tensor.Matrix, rstd []float32, sink GradFunc) {
	w, d := m.work, m.rt.Device
	d.RMSNormBackward(w.dh, w.dx, x, m.value(p), rstd)
	if !p.Frozen {
		g := m.gradOf(p)
		d.RMSNormGain(g, w.dx, x, rstd)
		sink(p, g)
	}
}

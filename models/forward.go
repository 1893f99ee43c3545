package models

import "fmt"

// Forward runs the model up to the final norm and keeps what [Llama.Backward]
// needs. train turns dropout on. The batch may be smaller than the model was
// allocated for.
func (m *Llama) Forward(b Batch, train bool) {
	m.begin(b, train)
	d, w := m.rt.Device, m.work
	d.EmbedStored(w.residual(0), m.Embed.Kept, b.Tokens)
	for i := range m.Layers {
		m.block(i, b, train)
		a, out := &w.blocks[i], w.residual(i+1)
		d.Copy(out, a.mid)
		m.linear(m.Layers[i].Down, out, w.mlp, a.factors[6], 1, b, train)
	}
	d.RMSNorm(w.normed, w.outRstd, w.out, m.value(m.Norm), m.RMSNormEps)
}

// block runs block i from its input up to the input of its down projection.
func (m *Llama) block(i int, b Batch, train bool) {
	d, w, l := m.rt.Device, m.work, m.Layers[i]
	a := &w.blocks[i]
	d.RMSNorm(w.normed, a.xRstd, a.x, m.value(l.InputNorm), m.RMSNormEps)
	m.linear(l.Q, a.q, w.normed, a.factors[0], 0, b, train)
	m.linear(l.K, a.k, w.normed, a.factors[1], 0, b, train)
	m.linear(l.V, a.v, w.normed, a.factors[2], 0, b, train)
	d.Rope(a.q, w.cos, w.sin, b.T)
	d.Rope(a.k, w.cos, w.sin, b.T)
	d.Attention(a.attended, a.lse, a.q, a.k, a.v, b.B, m.NumAttentionHeads, w.scores)
	d.Copy(a.mid, a.x)
	m.linear(l.O, a.mid, a.attended, a.factors[3], 1, b, train)

	d.RMSNorm(w.normed, a.midRstd, a.mid, m.value(l.PostNorm), m.RMSNormEps)
	m.linear(l.Gate, a.gate, w.normed, a.factors[4], 0, b, train)
	m.linear(l.Up, a.up, w.normed, a.factors[5], 0, b, train)
	d.SwiGLU(w.mlp, a.gate, a.up)
}

// again brings back what the forward pass of block i computed, if checkpointing
// did not keep it: all but the last block's, which nothing has overwritten.
func (m *Llama) again(i int, b Batch, train bool) {
	w, last := m.work, len(m.Layers)-1
	if !w.checkpointing || i == last {
		m.rt.Device.SwiGLU(w.mlp, w.blocks[i].gate, w.blocks[i].up)
		return
	}
	m.block(i, b, train)
	if down := m.Layers[i].Down; down.adapting() {
		m.factor(down, w.mlp, w.blocks[i].factors[6], b, train)
	}
}

// begin checks a batch against the allocation and fits the buffers to it.
func (m *Llama) begin(b Batch, train bool) {
	w := m.work
	switch {
	case w == nil:
		panic("models: Forward before Allocate")
	case m.rt.Ledger.Predicting():
		panic("models: Forward of a predicted model")
	case train && !w.train:
		panic("models: training of a model allocated for evaluation")
	case b.B < 1 || b.B > w.batch || b.T < 1 || b.T > w.length:
		panic(fmt.Sprintf("models: batch of %d × %d tokens, allocated %d × %d", b.B, b.T, w.batch, w.length))
	case len(b.Tokens) != b.B*b.T || len(b.Targets) != b.B*b.T:
		panic(fmt.Sprintf("models: batch of %d × %d has %d tokens and %d targets", b.B, b.T, len(b.Tokens), len(b.Targets)))
	}
	w.fit(b.B * b.T)
	w.fed, w.fedTrain, w.pending = b, train, w.train
}

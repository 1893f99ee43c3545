package models

import (
	"fmt"

	"ranklab/internal/memory"
	"ranklab/tensor"
)

// logitRows is the number of rows of logits that exist at a time.
const logitRows = 256

// LogitRows returns the number of rows that the head's products have for a
// batch of n tokens.
func LogitRows(n int) int { return min(logitRows, n) }

// buffers is the working memory of a model for up to batch sequences of up to
// length tokens. N = batch·length, d = hidden_size, f = intermediate_size.
type buffers struct {
	batch, length int
	train         bool
	checkpointing bool // all blocks share their activations, apart from x

	cos, sin tensor.Matrix // (length, hd/2)

	// What a forward pass keeps.
	blocks  []activations // one per layer; without training all are the same memory
	out     tensor.Matrix // (N, d) residual stream after the last layer
	outRstd []float32     // (N)

	// Scratch of the forward pass.
	normed  tensor.Matrix // (N, d) output of the latest norm
	mlp     tensor.Matrix // (N, f) input of the latest down projection
	dropped []float32     // (N·widest input with dropout)
	scores  []float32     // of attention
	logits  tensor.Matrix // (logitRows, vocab_size)
	loss    []float32     // (logitRows)

	// Scratch of the backward pass.
	dh         tensor.Matrix // (N, d) gradient of the residual stream
	dx         tensor.Matrix // (N, d) gradient of a norm's or of attention's output
	dq, dk, dv tensor.Matrix // (N, d)
	dmlp       tensor.Matrix // (N, f)
	dfactor    []float32     // (N·largest rank) gradient of x Aᵀ
	grad       []float32     // the largest gradient

	fed      Batch // of the latest forward pass
	fedTrain bool
	pending  bool // fed waits for its backward pass
}

// activations is what the forward pass of one layer keeps.
type activations struct {
	x        tensor.Matrix    // (N, d) residual stream before attention
	xRstd    []float32        // (N) 1/RMS of its rows
	q, k, v  tensor.Matrix    // (N, d); q and k rotated
	attended tensor.Matrix    // (N, d) input of O
	lse      []float32        // (batch·heads·length) log-sum-exp of the scores
	mid      tensor.Matrix    // (N, d) residual stream before the MLP
	midRstd  []float32        // (N)
	gate, up tensor.Matrix    // (N, f)
	factors  [7]tensor.Matrix // (N, rank) x Aᵀ of the linear modules that have factors
}

func (m *Llama) newBuffers(rt Runtime, batch, length int, train bool) *buffers {
	n, d, f := batch*length, m.HiddenSize, m.IntermediateSize
	w := &buffers{batch: batch, length: length, train: train}
	matrix := func(c memory.Category, name string, rows, cols int) tensor.Matrix {
		return tensor.Alloc(rt.Ledger, c, name, rows, cols)
	}
	scratch := func(name string, size int) []float32 { return rt.Ledger.Floats(memory.Scratch, name, size) }

	w.cos = matrix(memory.Scratch, "rope.cos", length, m.HeadDim()/2)
	w.sin = matrix(memory.Scratch, "rope.sin", length, m.HeadDim()/2)

	s := m.sizes()
	switch {
	case train && rt.Checkpointing:
		w.checkpointing = true
		shared := m.newActivations(rt.Ledger, "model.layers.", batch, length)
		for j, rank := range m.ranks() {
			if rank > 0 {
				shared.factors[j] = matrix(memory.Activations, "model.layers."+moduleNames[j]+".factor", n, rank)
			}
		}
		for i := range m.Layers {
			a := m.sharing(shared, i, n)
			if i > 0 {
				a.x = matrix(memory.Activations, fmt.Sprintf("model.layers.%d.x", i), n, d)
			}
			w.blocks = append(w.blocks, a)
		}
		w.out = matrix(memory.Activations, "model.norm.x", n, d)
	case train:
		for i, l := range m.Layers {
			a := m.newActivations(rt.Ledger, fmt.Sprintf("model.layers.%d.", i), batch, length)
			for j, x := range l.linears() {
				if x.A != nil {
					a.factors[j] = matrix(memory.Activations, x.Name+".factor", n, x.A.W.Rows)
				}
			}
			w.blocks = append(w.blocks, a)
		}
		w.out = matrix(memory.Activations, "model.norm.x", n, d)
	default:
		shared := m.newActivations(rt.Ledger, "model.layers.", batch, length)
		factor := matrix(memory.Activations, "model.layers.factor", n, s.rank)
		for j := range shared.factors {
			shared.factors[j] = factor
		}
		for i := range m.Layers {
			w.blocks = append(w.blocks, m.sharing(shared, i, n))
		}
		w.out = shared.x
	}
	w.outRstd = rt.Ledger.Floats(memory.Activations, "model.norm.rstd", n)

	w.normed = matrix(memory.Scratch, "normed", n, d)
	w.mlp = matrix(memory.Scratch, "mlp", n, f)
	if s.dropped > 0 {
		w.dropped = scratch("dropped", n*s.dropped)
	}
	w.scores = scratch("scores", tensor.AttentionScratch(rt.Device.Threads(), length, train))
	w.logits = matrix(memory.Scratch, "logits", LogitRows(n), m.VocabSize)
	w.loss = scratch("loss", LogitRows(n))
	if !train {
		return w
	}
	w.dh = matrix(memory.Scratch, "dh", n, d)
	w.dx = matrix(memory.Scratch, "dx", n, d)
	w.dq = matrix(memory.Scratch, "dq", n, d)
	w.dk = matrix(memory.Scratch, "dk", n, d)
	w.dv = matrix(memory.Scratch, "dv", n, d)
	w.dmlp = matrix(memory.Scratch, "dmlp", n, f)
	if s.rank > 0 {
		w.dfactor = scratch("dfactor", n*s.rank)
	}
	if !rt.OwnGradients {
		w.grad = scratch("gradient", s.grad)
	}
	return w
}

// sharing returns the activations of block i that lie in the memory of shared.
func (m *Llama) sharing(shared activations, i, n int) activations {
	for j, x := range m.Layers[i].linears() {
		if x.A == nil {
			shared.factors[j] = tensor.Matrix{}
			continue
		}
		shared.factors[j] = tensor.Of(shared.factors[j].Data, n, x.A.W.Rows)
	}
	return shared
}

func (m *Llama) newActivations(ledger *memory.Ledger, prefix string, batch, length int) activations {
	n, d, f := batch*length, m.HiddenSize, m.IntermediateSize
	matrix := func(name string, cols int) tensor.Matrix {
		return tensor.Alloc(ledger, memory.Activations, prefix+name, n, cols)
	}
	vector := func(name string, size int) []float32 {
		return ledger.Floats(memory.Activations, prefix+name, size)
	}
	return activations{
		x:        matrix("x", d),
		xRstd:    vector("x.rstd", n),
		q:        matrix("q", d),
		k:        matrix("k", d),
		v:        matrix("v", d),
		attended: matrix("attended", d),
		lse:      vector("lse", batch*m.NumAttentionHeads*length),
		mid:      matrix("mid", d),
		midRstd:  vector("mid.rstd", n),
		gate:     matrix("gate", f),
		up:       matrix("up", f),
	}
}

// fit gives the matrices the height of a batch of n tokens.
func (w *buffers) fit(n int) {
	for i := range w.blocks {
		a := &w.blocks[i]
		for _, x := range [...]*tensor.Matrix{&a.x, &a.q, &a.k, &a.v, &a.attended, &a.mid, &a.gate, &a.up} {
			x.Rows = n
		}
		for j := range a.factors {
			a.factors[j].Rows = n
		}
	}
	for _, x := range [...]*tensor.Matrix{&w.out, &w.normed, &w.mlp, &w.dh, &w.dx, &w.dq, &w.dk, &w.dv, &w.dmlp} {
		x.Rows = n
	}
}

// residual returns the residual stream before layer i; after the last layer it
// is the input of the final norm.
func (w *buffers) residual(i int) tensor.Matrix {
	if i < len(w.blocks) {
		return w.blocks[i].x
	}
	return w.out
}

// sizes are the largest extents among the parameters.
type sizes struct {
	dropped int // inputs of a linear with dropout
	rank    int
	grad    int // elements of a trainable parameter
}

// ranks returns the largest rank of each linear module of a block; 0: dense.
func (m *Llama) ranks() (ranks [7]int) {
	for _, l := range m.Layers {
		for j, x := range l.linears() {
			if x.A != nil {
				ranks[j] = max(ranks[j], x.A.W.Rows)
			}
		}
	}
	return ranks
}

func (m *Llama) sizes() sizes {
	var s sizes
	for _, p := range m.params {
		if !p.Frozen {
			s.grad = max(s.grad, p.W.Rows*p.W.Cols)
		}
	}
	for _, l := range m.linears {
		if l.A != nil {
			s.rank = max(s.rank, l.A.W.Rows)
		}
		if l.Dropout > 0 {
			s.dropped = max(s.dropped, l.In)
		}
	}
	return s
}

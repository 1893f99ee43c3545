package models

import "ranklab/tensor"

// headBackward runs head and cross-entropy forward and backward, logitRows
// rows at a time: dx receives the gradient of the final norm's output.
func (m *Llama) headBackward(b Batch, scale float32, sink GradFunc) (lossSum float64, n int) {
	w, d, p := m.work, m.rt.Device, m.Head.Weight
	head := m.value(p)
	var g tensor.Matrix
	if !p.Frozen {
		g = m.gradOf(p)
	}
	for lo := 0; lo < w.normed.Rows; lo += logitRows {
		hi := min(lo+logitRows, w.normed.Rows)
		x, targets, loss := tensor.Rows(w.normed, lo, hi), b.Targets[lo:hi], w.loss[:hi-lo]
		logits := m.logits(x, head)
		d.CrossEntropy(logits, targets, loss, scale)
		lossSum += tensor.Total(0, loss)
		n += countTargets(targets)
		d.Gemm(tensor.N, tensor.N, 1, logits, head, 0, tensor.Rows(w.dx, lo, hi))
		if !p.Frozen {
			d.Gemm(tensor.T, tensor.N, 1, logits, x, min(float32(lo), 1), g)
		}
	}
	if !p.Frozen {
		sink(p, g)
	}
	return lossSum, n
}

// logits computes the logits of at most logitRows rows into scratch.
func (m *Llama) logits(x, head tensor.Matrix) tensor.Matrix {
	y := tensor.Rows(m.work.logits, 0, x.Rows)
	m.rt.Device.Gemm(tensor.N, tensor.T, 1, x, head, 0, y)
	return y
}

func countTargets(targets []int32) int {
	n := 0
	for _, t := range targets {
		if t >= 0 {
			n++
		}
	}
	return n
}

// Losses runs a forward pass without dropout and writes the loss of each
// position to dst (B·T); a position without a target has loss 0.
func (m *Llama) Losses(b Batch, dst []float32) {
	m.Forward(b, false)
	w, head := m.work, m.value(m.Head.Weight)
	w.pending = false
	for lo := 0; lo < w.normed.Rows; lo += logitRows {
		hi := min(lo+logitRows, w.normed.Rows)
		m.rt.Device.CrossEntropyLoss(m.logits(tensor.Rows(w.normed, lo, hi), head), b.Targets[lo:hi], dst[lo:hi])
	}
}

// Logits runs a forward pass without dropout and returns all logits, (B·T,
// vocab_size), in a new matrix: for checks of small models.
func (m *Llama) Logits(b Batch) tensor.Matrix {
	m.Forward(b, false)
	w, head := m.work, m.value(m.Head.Weight)
	w.pending = false
	all := tensor.Of(make([]float32, w.normed.Rows*m.VocabSize), w.normed.Rows, m.VocabSize)
	for lo := 0; lo < w.normed.Rows; lo += logitRows {
		hi := min(lo+logitRows, w.normed.Rows)
		m.rt.Device.Copy(tensor.Rows(all, lo, hi), m.logits(tensor.Rows(w.normed, lo, hi), head))
	}
	return all
}

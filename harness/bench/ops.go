package bench

import (
	"context"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/tensor"
)

// An operation is one call of a step at a preset's shapes. Its work is either
// the bytes of its operands, each read or written once, or FLOP.
type operation struct {
	name  string
	shape []int
	bytes float64
	flops float64
	run   func()
}

// floats counts the bytes of n float32 values that are read or written.
func floats(n ...int) float64 {
	total := 0
	for _, x := range n {
		total += x
	}
	return 4 * float64(total)
}

// A bank makes the operands of operations: numbers between -1 and 1.
type bank struct {
	device *tensor.Device
	made   int
}

func (b *bank) matrix(rows, cols int) tensor.Matrix {
	m := tensor.Of(memory.Floats(rows*cols), rows, cols)
	b.made++
	b.device.FillUniform(m, 1, random.New(uint64(b.made)))
	return m
}

// positive returns a matrix of squares: second moments, norms.
func (b *bank) positive(rows, cols int) tensor.Matrix {
	m := b.matrix(rows, cols)
	b.device.Mul(m, m)
	return m
}

func (b *bank) ids(n, below int) []int32 {
	b.made++
	key, ids := random.New(uint64(b.made)), make([]int32, n)
	for i := range ids {
		ids[i] = int32(key.Below(uint64(i), below))
	}
	return ids
}

// ops measures the operations of all presets one after the other. Their
// operands are made just before and dropped just after.
func (s *session) ops(ctx context.Context) error {
	s.openArrays()
	defer s.closeArrays()
	for _, b := range s.bodies {
		for _, group := range []func(*bank, models.Config, int, int) []operation{activationOps, attentionOps, lossOps, gradientOps, optimizerOps} {
			for _, o := range group(&bank{device: s.device}, b.config(), s.Tokens, b.length()) {
				if err := ctx.Err(); err != nil {
					return err
				}
				s.say("%s %s", b.name, o.name)
				s.add(s.time(b, o))
			}
		}
	}
	return nil
}

// time measures one operation next to its limit.
func (s *session) time(b *body, o operation) Figure {
	f := Figure{Section: s.section, Preset: b.name, Name: o.name, Shape: o.shape, By: ours}
	before := b.name + " " + o.name
	var limit float64
	if o.flops > 0 {
		f.Work, f.Unit, f.Limit = o.flops, gflops, Peak
		limit = s.peak(before, s.turn())
	} else {
		f.Work, f.Unit, f.Limit = o.bytes, gigabytes, Bandwidth
		limit = s.bandwidth(before)
	}
	var samples []sample
	for range s.Runs {
		samples = append(samples, sample{secondsOf(o.run, s.turn()), limit})
	}
	return f.of(samples)
}

// activationOps are those on the rows of activations, (n, d) and (n, f).
func activationOps(b *bank, c models.Config, n, length int) []operation {
	d, f, dev := c.HiddenSize, c.IntermediateSize, b.device
	x, y, dx, gain := b.matrix(n, d), b.matrix(n, d), b.matrix(n, d), b.matrix(1, d)
	rstd, dgain := make([]float32, n), b.matrix(1, d)
	dev.RMSNorm(y, rstd, x, gain, c.RMSNormEps)
	cos, sin := b.matrix(length, c.HeadDim()/2), b.matrix(length, c.HeadDim()/2)
	tensor.RopeTables(cos, sin, c.RopeTheta)
	gate, up, mlp, dgate, dup := b.matrix(n, f), b.matrix(n, f), b.matrix(n, f), b.matrix(n, f), b.matrix(n, f)
	table, tokens := b.matrix(c.VocabSize, d), b.ids(n, c.VocabSize)
	dtable := tensor.Of(memory.Floats(c.VocabSize*d), c.VocabSize, d)
	key, drops := random.New(9), 0
	nd, nf, vd := n*d, n*f, c.VocabSize*d
	rows, wide := []int{n, d}, []int{n, f}
	return []operation{
		{name: "embed", shape: rows, bytes: floats(2 * nd), run: func() { dev.Embed(y, table, tokens) }},
		{name: "embed backward", shape: rows, bytes: floats(vd, 3*nd), run: func() { dev.EmbedBackward(dtable, x, tokens) }},
		{name: "rmsnorm", shape: rows, bytes: floats(2 * nd), run: func() { dev.RMSNorm(y, rstd, x, gain, c.RMSNormEps) }},
		{name: "rmsnorm again", shape: rows, bytes: floats(2 * nd), run: func() { dev.RMSNormAgain(y, rstd, x, gain) }},
		{name: "rmsnorm backward", shape: rows, bytes: floats(4 * nd), run: func() { dev.RMSNormBackward(dx, y, x, gain, rstd) }},
		{name: "rmsnorm gain", shape: rows, bytes: floats(2 * nd), run: func() { dev.RMSNormGain(dgain, y, x, rstd) }},
		{name: "rope", shape: rows, bytes: floats(2 * nd), run: func() { dev.Rope(y, cos, sin, length) }},
		{name: "rope backward", shape: rows, bytes: floats(2 * nd), run: func() { dev.RopeBackward(y, cos, sin, length) }},
		{name: "swiglu", shape: wide, bytes: floats(3 * nf), run: func() { dev.SwiGLU(mlp, gate, up) }},
		{name: "swiglu backward", shape: wide, bytes: floats(5 * nf), run: func() { dev.SwiGLUBackward(dgate, dup, mlp, gate, up) }},
		{name: "add", shape: rows, bytes: floats(3 * nd), run: func() { dev.Add(dx, x) }},
		{name: "zero", shape: rows, bytes: floats(nd), run: func() { dev.Zero(dx) }},
		{name: "dropout", shape: rows, bytes: floats(2 * nd), run: func() { dev.Dropout(y, x, 0.1, key, 0) }},
		// In place, so each call takes another mask; dy is read and written too.
		{name: "dropout backward", shape: rows, bytes: floats(4 * nd), run: func() {
			drops++
			dev.DropoutBackward(dx, y, 0.1, key.Step(drops), 0)
		}},
	}
}

// attentionOps are those of one layer's attention over all sequences.
func attentionOps(b *bank, c models.Config, n, length int) []operation {
	d, dev := c.HiddenSize, b.device
	q, k, v, out, dout := b.matrix(n, d), b.matrix(n, d), b.matrix(n, d), b.matrix(n, d), b.matrix(n, d)
	dq, dk, dv := b.matrix(n, d), b.matrix(n, d), b.matrix(n, d)
	batch, heads := n/length, c.NumAttentionHeads
	lse := make([]float32, batch*heads*length)
	scratch := make([]float32, tensor.AttentionScratch(dev.Threads(), length, true))
	flops := attentionFLOPs(n, length, d)
	return []operation{
		{name: "attention", shape: []int{n, d}, flops: flops, run: func() { dev.Attention(out, lse, q, k, v, batch, heads, scratch) }},
		{name: "attention backward", shape: []int{n, d}, flops: 2 * flops, run: func() {
			dev.AttentionBackward(dq, dk, dv, dout, out, lse, q, k, v, batch, heads, scratch)
		}},
	}
}

// lossOps are those on one chunk of logits.
func lossOps(b *bank, c models.Config, n, _ int) []operation {
	rows, dev := models.LogitRows(n), b.device
	logits, loss, targets := b.matrix(rows, c.VocabSize), make([]float32, rows), b.ids(rows, c.VocabSize)
	shape, bytes := []int{rows, c.VocabSize}, floats(2*rows*c.VocabSize)
	return []operation{
		{name: "cross-entropy", shape: shape, bytes: bytes, run: func() { dev.CrossEntropy(logits, targets, loss, 1) }},
		{name: "cross-entropy loss", shape: shape, bytes: bytes, run: func() { dev.CrossEntropyLoss(logits, targets, loss) }},
	}
}

// gradientOps are those on the gradient of one weight of the MLP.
func gradientOps(b *bank, c models.Config, _, _ int) []operation {
	rows, cols, dev := c.IntermediateSize, c.HiddenSize, b.device
	x, y := b.matrix(rows, cols), b.matrix(rows, cols)
	shape, mn := []int{rows, cols}, rows*cols
	return []operation{
		{name: "copy", shape: shape, bytes: floats(2 * mn), run: func() { dev.Copy(y, x) }},
		{name: "axpy", shape: shape, bytes: floats(3 * mn), run: func() { dev.Axpy(-1e-3, x, y) }},
		{name: "scale", shape: shape, bytes: floats(2 * mn), run: func() { dev.Scale(-1, x) }},
		{name: "sum of squares", shape: shape, bytes: floats(mn), run: func() { dev.SumSquares(x) }},
		{name: "finite", shape: shape, bytes: floats(mn), run: func() { dev.Finite(x) }},
	}
}

// optimizerOps are the steps of the base optimizers for one weight of the MLP.
// The factors keep what is updated in place from growing or vanishing.
func optimizerOps(b *bank, c models.Config, _, _ int) []operation {
	rows, cols, dev := c.IntermediateSize, c.HiddenSize, b.device
	g, m, v := b.matrix(rows, cols), b.matrix(rows, cols), b.positive(rows, cols)
	row, col := b.positive(1, rows), b.positive(1, cols)
	adam := tensor.AdamStep{Beta1: 0.9, Rest1: 0.1, Beta2: 0.999, Rest2: 0.001, Size: 1, Correction: 1, Eps: 1e-8}
	ada := tensor.AdafactorStep{Beta: 0.9, Rest: 0.1, Floor: 1e-30}
	shape, mn := []int{rows, cols}, rows*cols
	return []operation{
		{name: "adam", shape: shape, bytes: floats(6 * mn), run: func() { dev.Adam(g, m, v, adam) }},
		{name: "sgd momentum", shape: shape, bytes: floats(4 * mn), run: func() { dev.Momentum(g, m, 0.9, 0.1) }},
		{name: "adafactor factored", shape: shape, bytes: floats(2 * mn), run: func() { dev.AdafactorFactored(g, row, col, ada) }},
		{name: "adafactor full", shape: shape, bytes: floats(4 * mn), run: func() { dev.AdafactorFull(g, v, ada) }},
		{name: "adafactor average", shape: shape, bytes: floats(4 * mn), run: func() { dev.Average(g, m, 0.9, 0.1) }},
	}
}

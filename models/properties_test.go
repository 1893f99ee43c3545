package models

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"ranklab/internal/random"
	"ranklab/tensor"
)

func TestForward(t *testing.T) {
	for _, eval := range []bool{false, true} {
		for _, v := range variants() {
			m := setup{config: tiny, variant: v, batch: 3, length: 9, eval: eval}.build(t)
			b := batchOf(tiny, 2, 7) // smaller than allocated
			ref := newReference(m, random.New(7), b, false)
			logits := m.Logits(b)
			for i, want := range ref.logits() {
				if got := float64(logits.Data[i]); math.Abs(got-want) > 2e-5 {
					t.Fatalf("%s, eval %v: logit %d is %v, want %v", v.name, eval, i, got, want)
				}
			}
			losses := make([]float32, 14)
			m.Losses(b, losses)
			for i, want := range ref.losses() {
				if got := float64(losses[i]); math.Abs(got-want) > 2e-5 {
					t.Fatalf("%s, eval %v: loss %d is %v, want %v", v.name, eval, i, got, want)
				}
			}
		}
	}
}

// A target depends on the tokens up to its position: those after it have zero
// gradient.
func TestCausality(t *testing.T) {
	m := setup{config: tiny, batch: 2, length: 7}.build(t)
	const T, at = 7, 3
	b := Batch{B: 2, T: T, Targets: slices.Repeat([]int32{-1}, 2*T)}
	for i := range 2 * T {
		b.Tokens = append(b.Tokens, int32(i)) // all different: row i of the embedding is position i
	}
	b.Targets[T+at] = 5 // in the second sequence
	_, grads, _, n := gradients(m, b, true)
	if n != 1 {
		t.Fatalf("%d targets", n)
	}
	for i := range 2 * T {
		size := 0.0
		for _, g := range grads[m.Embed.Name][i*m.HiddenSize : (i+1)*m.HiddenSize] {
			size += math.Abs(float64(g))
		}
		if seen := i >= T && i <= T+at; seen != (size > 0) {
			t.Errorf("position %d: gradient %v, seen %v", i, size, seen)
		}
	}
}

// What stands after a masked tail contributes nothing: neither to the loss nor
// to a gradient.
func TestPadding(t *testing.T) {
	for _, v := range variants() {
		m := setup{config: tiny, variant: v, batch: 2, length: 9}.build(t)
		short := batchOf(tiny, 2, 6)
		padded := Batch{B: 2, T: 9, Step: short.Step, Micro: short.Micro}
		for i := range 2 {
			padded.Tokens = append(append(padded.Tokens, short.Tokens[i*6:(i+1)*6]...), 0, 0, 0)
			padded.Targets = append(append(padded.Targets, short.Targets[i*6:(i+1)*6]...), -1, -1, -1)
		}
		_, want, wantLoss, wantN := gradients(m, short, false)
		_, got, loss, n := gradients(m, padded, false)
		if n != wantN || math.Abs(loss-wantLoss) > 1e-6*wantLoss {
			t.Errorf("%s: loss %v of %d targets, want %v of %d", v.name, loss, n, wantLoss, wantN)
		}
		compare(t, v.name, got, want, 1e-5)
	}
}

// compare fails unless got is want within a share of each tensor's largest
// element.
func compare(t *testing.T, name string, got, want map[string][]float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d gradients, want %d", name, len(got), len(want))
	}
	for p, w := range want {
		size := 0.0
		for _, v := range w {
			size = max(size, math.Abs(float64(v)))
		}
		if len(w) == 0 || len(got[p]) != len(w) {
			t.Errorf("%s: %s has %d elements, want %d", name, p, len(got[p]), len(w))
			continue
		}
		for i, v := range got[p] {
			if !(math.Abs(float64(v-w[i])) <= tolerance*size) {
				t.Errorf("%s: %s[%d] = %v, want %v", name, p, i, v, w[i])
				break
			}
		}
	}
}

// The gradient of a batch is the sum over its micro-batches.
func TestAccumulation(t *testing.T) {
	for _, v := range variants() {
		m := setup{config: tiny, variant: v, batch: 3, length: 7}.build(t)
		b := batchOf(tiny, 3, 7)
		_, want, wantLoss, wantN := gradients(m, b, false)
		got, loss, n := map[string][]float32{}, 0.0, 0
		for _, part := range [][2]int{{0, 2}, {2, 3}} {
			lo, hi := part[0]*7, part[1]*7
			micro := Batch{B: part[1] - part[0], T: 7, Tokens: b.Tokens[lo:hi], Targets: b.Targets[lo:hi]}
			_, grads, l, k := gradients(m, micro, false)
			loss, n = loss+l, n+k
			for name, g := range grads {
				if got[name] == nil {
					got[name] = make([]float32, len(g))
				}
				for i, x := range g {
					got[name][i] += x
				}
			}
		}
		if n != wantN || math.Abs(loss-wantLoss) > 1e-6*wantLoss {
			t.Errorf("%s: loss %v of %d targets, want %v of %d", v.name, loss, n, wantLoss, wantN)
		}
		compare(t, v.name, got, want, 1e-5)
	}
}

// scale multiplies the gradients and not the loss.
func TestScale(t *testing.T) {
	m := setup{config: tiny, batch: 2, length: 7}.build(t)
	b := batchOf(tiny, 2, 7)
	_, want, wantLoss, _ := gradients(m, b, true)
	got := map[string][]float32{}
	m.Forward(b, true)
	loss, _ := m.Backward(b, 1./8, func(p *Param, g tensor.Matrix) {
		for _, v := range tensor.Values(g) {
			got[p.Name] = append(got[p.Name], 8*v)
		}
	})
	if loss != wantLoss {
		t.Errorf("loss %v, want %v", loss, wantLoss)
	}
	compare(t, "scaled", got, want, 1e-6)
}

// A weight and its gradient may be overwritten in the sink: every other
// gradient keeps its bits.
func TestUpdateInSink(t *testing.T) {
	for _, v := range variants() {
		b := batchOf(tiny, 2, 7)
		m := setup{config: tiny, variant: v, batch: 2, length: 7}.build(t)
		order, want, wantLoss, _ := gradients(m, b, true)
		var i int
		m.Forward(b, true)
		loss, _ := m.Backward(b, 1, func(p *Param, g tensor.Matrix) {
			if p.Name != order[i] || !slices.Equal(want[p.Name], tensor.Values(g)) {
				t.Errorf("%s: %s differs when gradients before it were applied", v.name, p.Name)
			}
			i++
			m.rt.Device.Fill(p.W, float32(math.NaN()))
			m.rt.Device.Fill(g, float32(math.NaN()))
		})
		if i != len(order) || loss != wantLoss {
			t.Errorf("%s: %d gradients and loss %v, want %d and %v", v.name, i, loss, len(order), wantLoss)
		}
	}
}

// Gradients, logits and losses have the same bits on any number of threads, on
// a model wide enough to be split, and in a larger allocation.
func TestThreads(t *testing.T) {
	c := Config{
		HiddenSize: 48, IntermediateSize: 136, NumHiddenLayers: 2, NumAttentionHeads: 3, VocabSize: 500,
		RMSNormEps: 1e-6, InitializerRange: 0.02, RopeTheta: 10000,
	}
	b := batchOf(c, 4, 70)
	for _, v := range variants()[:4] {
		var wantGrads map[string][]float32
		var wantLogits, wantLosses []float32
		var wantLoss float64
		for i, threads := range []int{1, 2, 3, 7} {
			s := setup{config: c, variant: v, threads: threads, batch: 4, length: 70}
			if i == 2 && v.name != "adapted with dropout" {
				s.batch, s.length = 5, 80 // a mask's index counts allocated positions
			}
			m := s.build(t)
			_, grads, loss, _ := gradients(m, b, true)
			logits, losses := m.Logits(b).Data, make([]float32, 4*70)
			m.Losses(b, losses)
			if i == 0 {
				wantGrads, wantLogits, wantLosses, wantLoss = grads, logits, losses, loss
				continue
			}
			if loss != wantLoss || !slices.Equal(logits, wantLogits) || !slices.Equal(losses, wantLosses) {
				t.Errorf("%s: loss or logits differ between 1 and %d threads", v.name, threads)
			}
			for name, g := range grads {
				if !slices.Equal(g, wantGrads[name]) {
					t.Errorf("%s: %s differs between 1 and %d threads", v.name, name, threads)
				}
			}
		}
	}
}

// The losses that Backward adds up are those of Losses.
func TestLossSum(t *testing.T) {
	m := setup{config: tiny, batch: 40, length: 9}.build(t) // more rows than one chunk of logits
	b := batchOf(tiny, 40, 9)
	losses := make([]float32, 360)
	m.Losses(b, losses)
	var want float64
	for i, v := range losses {
		want += float64(v)
		if (b.Targets[i] < 0) != (v == 0) {
			t.Errorf("position %d: target %d, loss %v", i, b.Targets[i], v)
		}
	}
	_, grads, loss, _ := gradients(m, b, true)
	if math.Abs(loss-want) > 1e-9*want {
		t.Errorf("loss %v, want %v", loss, want)
	}
	// Chunks add up: the head's gradient is that of the two parts of the batch.
	head := m.Head.Weight.Name
	sum := make([]float32, len(grads[head]))
	for _, part := range [][2]int{{0, 11}, {11, 40}} {
		lo, hi := part[0]*9, part[1]*9
		_, g, _, _ := gradients(m, Batch{B: part[1] - part[0], T: 9, Tokens: b.Tokens[lo:hi], Targets: b.Targets[lo:hi]}, true)
		for i, v := range g[head] {
			sum[i] += v
		}
	}
	compare(t, "head", map[string][]float32{head: sum}, map[string][]float32{head: grads[head]}, 1e-5)
}

// Masks depend on update, micro-batch and module, and on nothing in between.
func TestDropoutKeys(t *testing.T) {
	m := setup{config: tiny, variant: variants()[2], batch: 2, length: 7}.build(t)
	b := batchOf(tiny, 2, 7)
	run := func(step, micro int) float64 {
		b.Step, b.Micro = step, micro
		_, _, loss, _ := gradients(m, b, true)
		return loss
	}
	want := run(1, 0)
	seen := map[float64]string{want: "update 1"}
	for _, k := range [][2]int{{2, 0}, {1, 1}, {1, 2}} {
		loss := run(k[0], k[1])
		if at, ok := seen[loss]; ok {
			t.Errorf("update %d, micro-batch %d drops as %s", k[0], k[1], at)
		}
		seen[loss] = fmt.Sprint(k)
	}
	if got := run(1, 0); got != want {
		t.Errorf("update 1 again: loss %v, want %v", got, want)
	}
}

// Merging W ← W + s·B A and silencing the adapter leaves the logits as they
// were; so does a bypass of silent factors.
func TestMerge(t *testing.T) {
	m := setup{config: tiny, variant: variants()[1], batch: 2, length: 7}.build(t)
	b := batchOf(tiny, 2, 7)
	want := m.Logits(b)
	for _, l := range m.Linears() {
		m.rt.Device.Gemm(tensor.N, tensor.N, l.Scale, l.B.W, l.A.W, 1, l.Weight.W)
		m.rt.Device.Zero(l.B.W)
	}
	merged := m.Logits(b)
	for _, l := range m.Linears() {
		l.Bypass = true
	}
	bypassed := m.Logits(b)
	for i, w := range want.Data {
		if math.Abs(float64(merged.Data[i]-w)) > 1e-5 {
			t.Fatalf("logit %d is %v after the merge, was %v", i, merged.Data[i], w)
		}
		if bypassed.Data[i] != merged.Data[i] {
			t.Fatalf("logit %d is %v with a bypass, %v without", i, bypassed.Data[i], merged.Data[i])
		}
	}
}

func TestMisuse(t *testing.T) {
	b := batchOf(tiny, 2, 7)
	none := func(*Param, tensor.Matrix) {}
	m := setup{config: tiny, batch: 2, length: 7}.build(t)
	mustPanic(t, "backward first", func() { m.Backward(b, 1, none) })
	m.Forward(b, true)
	m.Losses(b, make([]float32, 14))
	mustPanic(t, "backward after an evaluation", func() { m.Backward(b, 1, none) })
	m.Forward(b, true)
	m.Backward(b, 1, none)
	mustPanic(t, "backward twice", func() { m.Backward(b, 1, none) })
	mustPanic(t, "batch too large", func() { m.Forward(batchOf(tiny, 3, 7), true) })
	mustPanic(t, "sequence too long", func() { m.Forward(batchOf(tiny, 1, 8), true) })
	mustPanic(t, "allocate twice", func() { m.Allocate(m.rt, 1, 1, true) })
	mustPanic(t, "adapt after Allocate", func() { m.Adapt(m.Layers[0].Q, 1, 1, 0) })
	mustPanic(t, "not allocated", func() { New(tiny).Forward(b, false) })
	eval := setup{config: tiny, batch: 2, length: 7, eval: true}.build(t)
	mustPanic(t, "training of an evaluation", func() { eval.Forward(b, true) })
	eval.Forward(b, false)
	mustPanic(t, "backward of an evaluation", func() { eval.Backward(b, 1, none) })
}

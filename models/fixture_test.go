package models

import (
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

var tiny = Config{
	HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 2, NumAttentionHeads: 2, VocabSize: 37,
	RMSNormEps: 1e-6, InitializerRange: 0.02, RopeTheta: 10000,
}

// A variant sets up a parametrization.
type variant struct {
	name  string
	apply func(m *Llama)
}

func variants() []variant {
	adapt := func(dropout float32) func(m *Llama) {
		return func(m *Llama) {
			for _, l := range m.Linears() {
				m.Adapt(l, 3, 0.7, dropout)
			}
		}
	}
	return []variant{
		{"dense", func(*Llama) {}},
		{"adapted", adapt(0)},
		{"adapted with dropout", adapt(0.3)},
		{"factored", func(m *Llama) {
			for _, l := range m.Linears() {
				m.Factor(l, 4, 1.3)
			}
		}},
		{"mixed", func(m *Llama) {
			for i, l := range m.Linears() {
				switch i % 4 {
				case 1:
					m.Adapt(l, 1+i%3, 0.5, 0)
				case 2:
					m.Factor(l, 5, 1)
				case 3:
					m.Adapt(l, 2, 0.5, 0.1)
					l.Weight.Frozen = false
					l.Bypass = i > 6
				}
			}
			m.Layers[0].InputNorm.Frozen = true
			m.Embed.Frozen = true
		}},
	}
}

// lively gives every parameter values at which no gradient is nearly zero.
func lively(m *Llama) {
	for _, p := range m.Params() {
		p.Init = func(d *tensor.Device, w tensor.Matrix, key random.Key) {
			if p.Role == Norm {
				d.FillUniform(w, 0.5, key)
				one := tensor.Of(make([]float32, w.Cols), 1, w.Cols)
				d.Fill(one, 1)
				d.Add(w, one)
				return
			}
			d.FillNormal(w, 0.3, key)
		}
	}
}

type setup struct {
	config        Config
	variant       variant
	threads       int
	batch, length int
	eval          bool
}

func (s setup) build(t *testing.T) *Llama {
	t.Helper()
	m := New(s.config)
	if s.variant.apply != nil {
		s.variant.apply(m)
	}
	lively(m)
	d := tensor.NewDevice(tensor.Options{Threads: max(1, s.threads)})
	t.Cleanup(d.Close)
	m.Allocate(Runtime{Device: d, Ledger: memory.New(), Key: random.New(7)}, s.batch, s.length, !s.eval)
	return m
}

// batchOf draws a batch; some targets are masked.
func batchOf(c Config, B, T int) Batch {
	b := Batch{B: B, T: T, Step: 5, Micro: 2}
	key := random.New(99)
	for i := range B * T {
		b.Tokens = append(b.Tokens, int32(key.Below(uint64(2*i), c.VocabSize)))
		target := int32(key.Below(uint64(2*i+1), c.VocabSize))
		if i%5 == 3 {
			target = -1
		}
		b.Targets = append(b.Targets, target)
	}
	return b
}

// gradients runs forward and backward and returns copies of the gradients in
// the order in which they came.
func gradients(m *Llama, b Batch, train bool) (names []string, grads map[string][]float32, lossSum float64, n int) {
	grads = map[string][]float32{}
	m.Forward(b, train)
	lossSum, n = m.Backward(b, 1, func(p *Param, g tensor.Matrix) {
		names = append(names, p.Name)
		grads[p.Name] = append([]float32(nil), tensor.Values(g)...)
	})
	return names, grads, lossSum, n
}

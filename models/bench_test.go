package models

import (
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// One micro-batch of 16 × 128 tokens through the 9m body with a vocabulary of
// 2048.
func BenchmarkStep(b *testing.B) {
	c, _ := Preset("9m")
	c.VocabSize = 2048
	for _, v := range []variant{{"dense", func(*Llama) {}}, {"adapted", func(m *Llama) {
		for _, l := range m.Linears() {
			m.Adapt(l, 32, 1, 0.05)
			l.A.Init, l.B.Init = m.Head.Weight.Init, m.Head.Weight.Init
		}
	}}} {
		b.Run(v.name, func(b *testing.B) {
			m := New(c)
			v.apply(m)
			d := tensor.NewDevice(tensor.Options{})
			defer d.Close()
			m.Allocate(Runtime{Device: d, Ledger: memory.New(), Key: random.New(7)}, 16, 128, true)
			batch := batchOf(c, 16, 128)
			b.ReportAllocs()
			for b.Loop() {
				m.Forward(batch, true)
				m.Backward(batch, 1./2048, func(*Param, tensor.Matrix) {})
			}
			b.ReportMetric(float64(batch.B*batch.T)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

package models

import (
	"slices"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// TestWeightsInBFloat16: a model whose weights are kept in bfloat16 computes, in
// every parametrization, the bits of a float32 model with the same values, also
// while the sink updates each weight at once; and it keeps half the bytes.
func TestWeightsInBFloat16(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			d := tensor.NewDevice(tensor.Options{Threads: 2})
			defer d.Close()
			build := func(p tensor.Precision) (*Llama, *memory.Ledger) {
				m, l := New(tiny), memory.New()
				v.apply(m)
				lively(m)
				m.Allocate(Runtime{Device: d, Ledger: l, Key: random.New(7), Weights: p}, 3, 7, true)
				return m, l
			}
			kept, keptBooks := build(tensor.Precision{BFloat16: true})
			wide, wideBooks := build(tensor.Precision{})
			round := func(p *Param) { // as keeping does
				half := tensor.AllocStore(memory.New(), memory.Weights, p.Name, p.W.Rows, p.W.Cols, tensor.Format{Type: tensor.BFloat16})
				d.Save(half, p.W, tensor.Rounding{})
				d.Load(p.W, half)
			}
			for _, p := range wide.Params() {
				round(p)
			}
			b := batchOf(tiny, 3, 7)
			step := func(m *Llama, after func(p *Param)) (all []float32) {
				m.Forward(b, true)
				sum, _ := m.Backward(b, 1, func(p *Param, g tensor.Matrix) {
					all = append(all, tensor.Values(g)...)
					m.Open(p)
					d.Axpy(-0.01, g, p.W)
					after(p)
				})
				losses := make([]float32, 21)
				m.Losses(b, losses)
				return append(append(all, float32(sum)), losses...)
			}
			for range 2 {
				got := step(kept, func(p *Param) { kept.Close(p, kept.Rounding("test", p, 0)) })
				want := step(wide, round)
				if !slices.Equal(got, want) {
					t.Fatal("other bits than a float32 model with the same values")
				}
			}
			for _, c := range []memory.Category{memory.Weights, memory.Adapters} {
				if got, want := 2*keptBooks.ByCategory()[c], wideBooks.ByCategory()[c]; got != want {
					t.Errorf("%s: twice the bytes are %d, want %d", c, got, want)
				}
			}
		})
	}
}

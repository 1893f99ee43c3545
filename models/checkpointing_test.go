package models

import (
	"slices"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// TestCheckpointing: with activation checkpointing every loss and gradient has
// the same bits, also where the sink updates each weight at once, and a smaller
// batch fits into the same memory.
func TestCheckpointing(t *testing.T) {
	deep := tiny
	deep.NumHiddenLayers = 4
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			build := func(checkpointing bool) *Llama {
				m := New(deep)
				v.apply(m)
				lively(m)
				d := tensor.NewDevice(tensor.Options{Threads: 2})
				t.Cleanup(d.Close)
				m.Allocate(Runtime{Device: d, Ledger: memory.New(), Key: random.New(7), Checkpointing: checkpointing}, 3, 7, true)
				return m
			}
			kept, again := build(false), build(true)
			for _, size := range []int{3, 1, 3} {
				b := batchOf(deep, size, 7)
				var want []float32
				for i, m := range []*Llama{kept, again} {
					var got []float32
					m.Losses(b, make([]float32, size*7)) // an evaluation between two updates leaves nothing behind
					m.Forward(b, true)
					sum, _ := m.Backward(b, 1, func(p *Param, g tensor.Matrix) {
						got = append(got, tensor.Values(g)...)
						m.rt.Device.Axpy(-0.01, g, p.W)
					})
					got = append(got, float32(sum))
					if i == 0 {
						want = got
					} else if !slices.Equal(got, want) {
						t.Fatalf("batch of %d: gradients differ", size)
					}
				}
			}
		})
	}
}

// TestCheckpointingLedger: what is kept is the input of each block, and one
// block's activations.
func TestCheckpointingLedger(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	deep := tiny
	deep.NumHiddenLayers = 5
	l := memory.Predict()
	New(deep).Allocate(Runtime{Device: d, Ledger: l, Key: random.New(1), Checkpointing: true}, 3, 100, true)
	n, D, F, H, L := 300, deep.HiddenSize, deep.IntermediateSize, deep.NumAttentionHeads, deep.NumHiddenLayers
	want := 4 * (n*(6*D+2*F+2) + n*H + (L-1)*n*D + n*D + n)
	if got := l.ByCategory()[memory.Activations]; got != int64(want) {
		t.Errorf("%d bytes of activations, want %d", got, want)
	}
}

// TestOwnGradients: parameters with gradients of their own need no shared one.
func TestOwnGradients(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	total := func(own bool) int64 {
		l := memory.Predict()
		New(tiny).Allocate(Runtime{Device: d, Ledger: l, Key: random.New(1), OwnGradients: own}, 1, 4, true)
		return l.Total()
	}
	if got, want := total(false)-total(true), int64(4*tiny.VocabSize*tiny.HiddenSize); got != want {
		t.Errorf("shared scratch of %d bytes, want %d", got, want)
	}
}

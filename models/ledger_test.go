package models

import (
	"slices"
	"testing"
	"time"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// A predicting ledger ends with the books of a registering one, and these
// follow the closed form.
func TestLedger(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 3})
	defer d.Close()
	wider := tiny
	wider.HiddenSize, wider.NumHiddenLayers, wider.VocabSize = 32, 3, 90
	for _, c := range []Config{tiny, wider} {
		for _, v := range variants() {
			for _, train := range []bool{true, false} {
				build := func(l *memory.Ledger) *Llama {
					m := New(c)
					v.apply(m)
					lively(m)
					m.Allocate(Runtime{Device: d, Ledger: l, Key: random.New(1)}, 3, 100, train)
					return m
				}
				real, predicted := memory.New(), memory.Predict()
				m := build(real)
				build(predicted)
				if !slices.Equal(real.Entries(), predicted.Entries()) || real.Total() != predicted.Total() {
					t.Errorf("%s, train %v: prediction %v, registered %v", v.name, train, predicted.Entries(), real.Entries())
				}
				var weights, adapters int64
				for _, p := range m.Params() {
					if p.Adapter {
						adapters += 4 * int64(len(p.W.Data))
					} else {
						weights += 4 * int64(len(p.W.Data))
					}
				}
				sums := real.ByCategory()
				if sums[memory.Weights] != weights || sums[memory.Adapters] != adapters {
					t.Errorf("%s: weights %d, adapters %d, want %d, %d", v.name, sums[memory.Weights], sums[memory.Adapters], weights, adapters)
				}
				if v.name != "dense" {
					continue
				}
				if weights != 4*c.NumParams() {
					t.Errorf("weights %d, want %d", weights, 4*c.NumParams())
				}
				N, D, F, H, V := 300, c.HiddenSize, c.IntermediateSize, c.NumAttentionHeads, c.VocabSize
				layer := N*(6*D+2*F) + 2*N + N*H
				activations, scratch := layer+N, 100*c.HeadDim()+N*(D+F)+3*64*100+256*V+256
				if train {
					activations = c.NumHiddenLayers*layer + N*D + N
					scratch += 3*64*100 + N*(5*D+F) + max(V*D, F*D)
				}
				if sums[memory.Activations] != int64(4*activations) || sums[memory.Scratch] != int64(4*scratch) {
					t.Errorf("train %v: activations %d, scratch %d, want %d, %d", train,
						sums[memory.Activations], sums[memory.Scratch], 4*activations, 4*scratch)
				}
			}
		}
	}
}

// Frozen weights need no room for a gradient.
func TestGradientScratch(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	m := New(tiny)
	for _, p := range m.Params() {
		p.Frozen = p != m.Norm
	}
	l := memory.Predict()
	m.Allocate(Runtime{Device: d, Ledger: l, Key: random.New(1)}, 1, 4, true)
	for _, e := range l.Entries() {
		if e.Name == "gradient" && e.Bytes != int64(4*tiny.HiddenSize) {
			t.Errorf("gradient scratch of %d bytes", e.Bytes)
		}
	}
}

func TestPredict7B(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	c, _ := Preset("7b")
	start := time.Now()
	l := memory.Predict()
	New(c).Allocate(Runtime{Device: d, Ledger: l, Key: random.New(1)}, 16, 2048, true)
	if got := l.ByCategory()[memory.Weights]; got != 4*6738415616 {
		t.Errorf("weights %d bytes", got)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("prediction took %v", took)
	}
}

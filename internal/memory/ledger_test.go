package memory

import (
	"maps"
	"testing"
)

// TestBooks: a predicting ledger keeps the same books and allocates nothing.
func TestBooks(t *testing.T) {
	run := func(l *Ledger) (floats []float32) {
		floats = l.Floats(Weights, "w", 10)
		l.Ints(Data, "tokens", 5)
		l.Register(Scratch, "panel", 7)
		l.Floats(Gradients, "w", 3) // the same name in another category
		l.Free(Scratch, "panel")
		l.For(Refresh).Register(Scratch, "panel", 1)
		return floats
	}
	real, predicted := New(), Predict()
	if got := run(real); len(got) != 10 {
		t.Errorf("allocated %d values", len(got))
	}
	if got := run(predicted); got != nil {
		t.Error("a predicting ledger allocated")
	}
	want := map[Category]int64{Weights: 40, Data: 20, Scratch: 1, Gradients: 12}
	for _, l := range []*Ledger{real, predicted} {
		if got := l.ByCategory(); !maps.Equal(got, want) {
			t.Errorf("books %v, want %v", got, want)
		}
		if steady, refresh, checkpoint := l.During(Always), l.During(Refresh), l.During(Checkpoint); steady != 72 || refresh != 73 || checkpoint != 72 {
			t.Errorf("in use: %d, in a refresh %d, in a checkpoint %d", steady, refresh, checkpoint)
		}
		if l.Total() != 73 || l.Peak() != 79 || len(l.Entries()) != 4 {
			t.Errorf("total %d, peak %d, entries %v", l.Total(), l.Peak(), l.Entries())
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(*Ledger){
		"twice":   func(l *Ledger) { l.Floats(Weights, "w", 1); l.Floats(Weights, "w", 1) },
		"unknown": func(l *Ledger) { l.Free(Weights, "w") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(New())
		})
	}
}

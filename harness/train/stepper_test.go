package train

import (
	"math"
	"testing"

	"ranklab/internal/memory"
	"ranklab/tensor"
)

// TestStepper: a stepper of every method updates without a corpus, registers
// what is predicted, starts from the loss of random tokens and learns them.
func TestStepper(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	for name, vary := range variants() {
		_, s := tiny(t)
		vary(&s)
		p, err := Predict(s, d)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewStepper(s, d)
		if err != nil {
			t.Fatal(err)
		}
		r.Pass()
		var losses []float64
		for range 5 {
			loss, err := r.Update()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			losses = append(losses, loss)
		}
		if first, last := losses[0], losses[4]; math.Abs(first-math.Log(512)) > 0.2 || !(last < first) {
			t.Errorf("%s: losses %v do not fall from about ln 512", name, losses)
		}
		if got, want := r.Memory()[memory.OptimizerState], p.Ledger.ByCategory()[memory.OptimizerState]; s.Method.Kind != "relora" && got != want {
			t.Errorf("%s: %d bytes of optimizer state, predicted %d", name, got, want)
		}
	}
}

// TestFirstStepper: the first update computes bases and the later ones do not,
// until one is due again; the parts of an update are not negative, and an
// evaluation reads a micro-batch.
func TestFirstStepper(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	_, s := tiny(t)
	variants()["galore"](&s)
	s.Method.UpdateProjGap = 100
	r, err := FirstStepper(s, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		u         int
		refreshes bool
	}{{0, true}, {1, false}, {2, false}, {100, true}, {101, false}} {
		r.Seek(c.u)
		if _, err := r.Update(); err != nil {
			t.Fatal(err)
		}
		spent := r.Spent()
		if !(spent.Pass > 0 && spent.Apply > 0) || c.refreshes != (spent.Refresh > 0) {
			t.Errorf("update %d: %+v, want a refresh: %v", c.u, spent, c.refreshes)
		}
	}
	if got, want := r.Evaluate(), s.Train.BatchSize*s.Train.MaxLength; got != want {
		t.Errorf("evaluated %d tokens, want %d", got, want)
	}
}

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

package optim_test

import (
	"slices"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/optim"
	"ranklab/tensor"
)

// Apply moves the weight and the state to the bits that Step and a subtraction
// give, on any number of threads.
func TestApplyIsStepThenSubtraction(t *testing.T) {
	const rows, cols, updates = 130, 301, 3
	galore := optim.DefaultAdamW()
	galore.Convention = optim.GaLoreAdamW
	adafactor := optim.DefaultAdafactor()
	adafactor.Momentum = 0.9
	for name, rule := range map[string]optim.Rule{
		"adamw": optim.DefaultAdamW(), "adamw galore": galore, "adafactor": adafactor, "sgd": optim.SGD{}, "momentum": optim.SGD{Momentum: 0.9},
	} {
		train := func(threads int, apply bool) []float32 {
			d := tensor.NewDevice(tensor.Options{Threads: threads})
			defer d.Close()
			matrix := func(n int) tensor.Matrix {
				m := tensor.Of(make([]float32, rows*cols), rows, cols)
				d.FillNormal(m, 1, random.New(1).Step(n))
				return m
			}
			w, direction := matrix(0), rule.Direction(optim.Env{Device: d, Ledger: memory.New()}, "w", rows, cols)
			for n := 1; n <= updates; n++ {
				g := matrix(n)
				if apply {
					direction.Apply(w, g, optim.Clock{N: n, T: n, LR: 0.01})
				} else {
					direction.Step(g, optim.Clock{N: n, T: n, LR: 0.01})
					d.Axpy(-1, g, w)
				}
			}
			all := w.Data
			for _, b := range direction.State() {
				all = append(all, b.Data.Floats...)
			}
			return all
		}
		want := train(1, false)
		for _, threads := range []int{1, 2, 3, 7} {
			if !slices.Equal(train(threads, true), want) {
				t.Errorf("%s on %d threads: other bits", name, threads)
			}
		}
	}
}

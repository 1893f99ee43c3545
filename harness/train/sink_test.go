package train

import (
	"math"
	"slices"
	"testing"

	"ranklab/corpus"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// TestClipping: with plain gradient descent at learning rate 1, an update moves
// the weights by the clipped gradient: a vector of length c, or the gradient
// itself where it is shorter.
func TestClipping(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	s.Method.Kind, s.Method.Optimizer, s.Method.Betas, s.Method.LR = "sgd", "sgd", nil, 1
	s.Train.Scheduler, s.Train.WarmupSteps, s.Train.BatchSize = "constant", 0, 2
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	moved := func(clip float64) (length, norm float64) {
		s.Train.GradClipping = clip
		r, err := assemble(s, d, memory.New(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var before [][]float32
		for _, p := range r.model.Params() {
			before = append(before, slices.Clone(tensor.Values(p.W)))
		}
		order := corpus.Order{Key: random.New(1), N: set.Train.Sequences("concat", s.Train.MaxLength)}
		if _, norm, err = r.update(0, r.fill(set.Train, order, 0)); err != nil {
			t.Fatal(err)
		}
		for i, p := range r.model.Params() {
			for j, w := range tensor.Values(p.W) {
				length += math.Pow(float64(w)-float64(before[i][j]), 2)
			}
		}
		return math.Sqrt(length), norm
	}
	free, norm := moved(0)
	if math.Abs(free-norm) > 1e-4*norm {
		t.Errorf("moved by %v with a gradient of norm %v", free, norm)
	}
	const c = 0.05
	if norm < 2*c {
		t.Fatalf("the gradient's norm %v is too small for this test", norm)
	}
	if clipped, same := moved(c); math.Abs(clipped-c) > 1e-4*c || same != norm {
		t.Errorf("clipped to %v: moved by %v; norm %v and %v", c, clipped, same, norm)
	}
	if loose, _ := moved(2 * norm); loose != free {
		t.Errorf("a limit of twice the norm changed the update: %v, %v", loose, free)
	}
}

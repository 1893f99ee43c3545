package models

import (
	"math"
	"slices"
	"testing"

	"ranklab/internal/random"
)

// Every element of every gradient, and the loss, against a float64 model
// differentiated by central differences.
func TestGradients(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			m := setup{config: tiny, variant: v, batch: 2, length: 7}.build(t)
			b := batchOf(tiny, 2, 7)
			names, grads, lossSum, n := gradients(m, b, true)
			ref := newReference(m, random.New(7), b, true)
			if want := ref.loss(); math.Abs(lossSum-want) > 1e-5*want {
				t.Errorf("loss %v, want %v", lossSum, want)
			}
			if want := 14 - 3; n != want {
				t.Errorf("%d targets, want %d", n, want)
			}
			trained := map[string]bool{}
			for _, l := range m.Linears() {
				if l.Bypass {
					trained[l.A.Name], trained[l.B.Name] = false, false
				}
			}
			for _, p := range m.Params() {
				if _, bypassed := trained[p.Name]; !bypassed {
					trained[p.Name] = !p.Frozen
				}
				if count := len(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n != p.Name })); (count == 1) != trained[p.Name] {
					t.Errorf("%s: %d gradients", p.Name, count)
				}
				if !trained[p.Name] {
					continue
				}
				want := ref.gradient(p)
				size := 0.0
				for _, x := range want {
					size = max(size, math.Abs(x))
				}
				if size < 1e-3 {
					t.Errorf("%s: all gradients below %v: nothing is tested", p.Name, size)
				}
				for i, x := range grads[p.Name] {
					if math.Abs(float64(x)-want[i]) > 2e-5*size {
						t.Errorf("%s[%d]: %v, want %v (largest %v)", p.Name, i, x, want[i], size)
						break
					}
				}
			}
		})
	}
}

package optim_test

import (
	"math"
	"slices"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/tensor"
)

// TestAdamW8bitBytes: two bytes per element and two largest magnitudes per block;
// the norm gains of 130m, 19,200 elements in tensors of 768, stay in float32.
func TestAdamW8bitBytes(t *testing.T) {
	for block, want := range map[int]int64{256: 272517120, 2048: 268850688} {
		rule := optim.DefaultAdamW8bit()
		rule.Block = block
		m, err := optim.NewFullRank(optim.Base{Rule: rule})
		if err != nil {
			t.Fatal(err)
		}
		if got := optimtest.Bytes(t, m, "130m", tensor.Precision{})[memory.OptimizerState]; got != want {
			t.Errorf("blocks of %d: %d bytes, want %d", block, got, want)
		}
	}
}

// adam8 is 8-bit Adam as its paper has it, in float64, over whole maps: the
// reference for a few updates of one tensor.
type adam8 struct {
	signed, unsigned [256]float32
	m, v             []float64 // as kept
}

func (a *adam8) update(w, g []float64, t int, lr float64) {
	const b1, b2, eps, block = 0.9, 0.999, 1e-8, 64
	c1, c2 := 1-math.Pow(b1, float64(t)), math.Sqrt(1-math.Pow(b2, float64(t)))
	for lo := 0; lo < len(w); lo += block {
		hi := min(lo+block, len(w))
		var first, second float64
		for i := lo; i < hi; i++ {
			a.m[i] = b1*a.m[i] + (1-b1)*g[i]
			a.v[i] = b2*a.v[i] + (1-b2)*g[i]*g[i]
			w[i] -= lr * c2 / c1 * a.m[i] / (math.Sqrt(a.v[i]) + c2*eps)
			first, second = max(first, math.Abs(a.m[i])), max(second, a.v[i])
		}
		for i := lo; i < hi; i++ {
			a.m[i] = keep(a.signed, a.m[i], first)
			a.v[i] = keep(a.unsigned, a.v[i], second)
		}
	}
}

// keep returns what becomes of x in a block of largest magnitude scale.
func keep(m [256]float32, x, scale float64) float64 {
	code, best := 0, math.Inf(1)
	for i, v := range m {
		if d := math.Abs(float64(v) - x/scale); d < best {
			code, best = i, d
		}
	}
	if x < 0 && m[code] == 0 {
		code--
	}
	return float64(m[code]) * scale
}

// TestAdamW8bitReference: weights follow the reference. At a border between two
// codes float32 may decide otherwise, so single elements may part; most must not.
func TestAdamW8bitReference(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	const rows, cols, lr = 9, 37, 0.01
	rule := optim.AdamW8bit{Betas: [2]float64{0.9, 0.999}, Eps: 1e-8, Block: 64}
	direction := rule.Direction(optim.Env{Device: d, Ledger: memory.New(), Key: random.New(1)}, "w", rows, cols)
	reference := &adam8{tensor.DynamicMap(tensor.DynamicSigned), tensor.DynamicMap(tensor.DynamicUnsigned), make([]float64, rows*cols), make([]float64, rows*cols)}
	w, g := tensor.Of(make([]float32, rows*cols), rows, cols), tensor.Of(make([]float32, rows*cols), rows, cols)
	want, gradient := make([]float64, rows*cols), make([]float64, rows*cols)
	for n := 1; n <= 20; n++ {
		d.FillNormal(g, 0.1, random.New(2).Step(n))
		for i, v := range g.Data {
			gradient[i] = float64(v)
		}
		direction.Apply(w, g, optim.Clock{N: n, T: n, LR: lr})
		reference.update(want, gradient, n, lr)
	}
	var off []float64
	for i, v := range w.Data {
		off = append(off, math.Abs(float64(v)-want[i]))
	}
	slices.Sort(off)
	if middle, worst := off[len(off)/2], off[len(off)-1]; middle > 1e-6 || worst > 0.3*lr {
		t.Errorf("after 20 updates weights differ by %g in the middle and %g at most", middle, worst)
	}
}

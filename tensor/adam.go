package tensor

import "math"

// AdamStep holds the constants of one Adam step. With c1 = 1-β1ᵗ and
// c2 = √(1-β2ᵗ), the two published forms of the step are
//
//	ε after bias correction:   Size = η/c1,      Correction = 1/c2
//	ε before bias correction:  Size = η·c2/c1,   Correction = 1
//
// The kernels read the fields in this order.
type AdamStep struct {
	Beta1, Rest1 float32 // β1 and 1-β1
	Beta2, Rest2 float32 // β2 and 1-β2
	Size         float32 // factor of the normalised moment
	Correction   float32 // factor of √v before ε is added
	Eps          float32
}

// adamArgs are the arguments of Adam and AdamUpdate, dense matrices as slices.
type adamArgs struct {
	w, g, m, v []float32
	step       AdamStep
	isa        ISA
}

// Adam updates the moments with the gradient g and replaces g by the step
// (Kingma and Ba, 1412.6980, algorithm 1):
//
//	m ← β1·m + (1-β1)·g
//	v ← β2·v + (1-β2)·g⊙g
//	g ← Size · m / (√v·Correction + ε)
//
// All three are dense and of one shape.
func (d *Device) Adam(g, m, v Matrix, s AdamStep) {
	sameShape(g, m)
	sameShape(g, v)
	a := adamArgs{g: Values(g), m: Values(m), v: Values(v), step: s, isa: d.isa}
	spread(d, len(a.g), span, a, func(a *adamArgs, _, lo, hi int) {
		a.isa.adam(a.g[lo:hi], a.m[lo:hi], a.v[lo:hi], &a.step)
	})
}

// AdamUpdate is Adam followed by w ← w - g, to the same bits, in one pass over
// memory; g is only read.
func (d *Device) AdamUpdate(w, g, m, v Matrix, s AdamStep) {
	sameShape(g, w)
	sameShape(g, m)
	sameShape(g, v)
	a := adamArgs{w: Values(w), g: Values(g), m: Values(m), v: Values(v), step: s, isa: d.isa}
	spread(d, len(a.g), span, a, func(a *adamArgs, _, lo, hi int) {
		a.isa.adamUpdate(a.w[lo:hi], a.g[lo:hi], a.m[lo:hi], a.v[lo:hi], &a.step)
	})
}

func adam(g, m, v []float32, s *AdamStep) {
	for i, x := range g {
		m[i], v[i], g[i] = s.element(x, m[i], v[i])
	}
}

func adamUpdate(w, g, m, v []float32, s *AdamStep) {
	for i, x := range g {
		var step float32
		m[i], v[i], step = s.element(x, m[i], v[i])
		w[i] -= step
	}
}

// element returns the new moments and the step of one element.
func (s *AdamStep) element(g, m, v float32) (float32, float32, float32) {
	m = fma32(s.Beta1, m, s.Rest1*g)
	v = fma32(s.Beta2, v, s.Rest2*float32(g*g))
	return m, v, s.Size * (m / fma32(root(v), s.Correction, s.Eps))
}

// root is the correctly rounded square root: rounding the float64 root of a
// float32 once more is exact.
func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

package tensor

import "math"

// AdamStep holds the constants of one Adam step. With c1 = 1-β1ᵗ and
// c2 = √(1-β2ᵗ), the two published forms of the step are
//
//	ε after bias correction:   Size = η/c1,      Correction = c2
//	ε before bias correction:  Size = η·c2/c1,   Correction = 1
type AdamStep struct {
	Beta1, Rest1 float32 // β1 and 1-β1
	Beta2, Rest2 float32 // β2 and 1-β2
	Size         float32 // factor of the normalised moment
	Correction   float32 // divisor of √v before ε is added
	Eps          float32
}

// Adam updates the moments with the gradient g and replaces g by the step
// (Kingma and Ba, 1412.6980, algorithm 1):
//
//	m ← β1·m + (1-β1)·g
//	v ← β2·v + (1-β2)·g⊙g
//	g ← Size · m / (√v/Correction + ε)
//
// All three are dense and of one shape.
func (d *Device) Adam(g, m, v Matrix, s AdamStep) {
	sameShape(g, m)
	sameShape(g, v)
	gs, ms, vs := Values(g), Values(m), Values(v)
	d.parallel(len(gs), span, func(_, lo, hi int) {
		gs, ms, vs := gs[lo:hi], ms[lo:hi], vs[lo:hi]
		for i, x := range gs {
			m := float32(s.Beta1*ms[i]) + float32(s.Rest1*x)
			v := float32(s.Beta2*vs[i]) + float32(s.Rest2*float32(x*x))
			ms[i], vs[i] = m, v
			gs[i] = s.Size * (m / (root(v)/s.Correction + s.Eps))
		}
	})
}

// root is the correctly rounded square root: rounding the float64 root of a
// float32 once more is exact.
func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

package tensor

// swigluArgs are the arguments of SwiGLU and its backward.
type swigluArgs struct {
	y, gate, up    Matrix
	dgate, dup, dy Matrix
	isa            ISA
}

// SwiGLU computes y ← silu(gate) ⊙ up with silu(g) = g·σ(g), σ(g) = 1/(1+e⁻ᵍ)
// (2002.05202). All matrices have one shape; y may be gate or up.
func (d *Device) SwiGLU(y, gate, up Matrix) {
	sameShape(y, gate)
	sameShape(y, up)
	spread(d, y.Rows, rowGrain(y.Cols), swigluArgs{y: y, gate: gate, up: up, isa: d.isa}, func(a *swigluArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			a.isa.swiglu(row(a.y, n), row(a.gate, n), row(a.up, n))
		}
	})
}

func swiglu(y, gate, up []float32) {
	for i, g := range gate {
		y[i] = g / (1 + exp32(-g)) * up[i]
	}
}

// SwiGLUBackward computes the gradients of SwiGLU:
//
//	dgate ← dy ⊙ up ⊙ σ·(1 + gate·(1-σ));  dup ← dy ⊙ silu(gate)
//
// dgate may be gate, and dup may be up.
func (d *Device) SwiGLUBackward(dgate, dup, dy, gate, up Matrix) {
	sameShape(dy, gate)
	sameShape(dy, up)
	sameShape(dy, dgate)
	sameShape(dy, dup)
	a := swigluArgs{dgate: dgate, dup: dup, dy: dy, gate: gate, up: up, isa: d.isa}
	spread(d, dy.Rows, rowGrain(dy.Cols), a, func(a *swigluArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			a.isa.swigluBackward(row(a.dgate, n), row(a.dup, n), row(a.dy, n), row(a.gate, n), row(a.up, n))
		}
	})
}

func swigluBackward(dgate, dup, dy, gate, up []float32) {
	for i, g := range gate {
		s := 1 / (1 + exp32(-g))
		t := float32(dy[i] * s)
		dgate[i] = t * up[i] * fma32(g, 1-s, 1)
		dup[i] = t * g
	}
}

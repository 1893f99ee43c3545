package tensor

// swigluChunk is the number of sigmoids held on the stack.
const swigluChunk = 128

// SwiGLU computes y ← silu(gate) ⊙ up with silu(g) = g·σ(g), σ(g) = 1/(1+e⁻ᵍ)
// (2002.05202). All matrices have one shape; y may be gate or up.
func (d *Device) SwiGLU(y, gate, up Matrix) {
	sameShape(y, gate)
	sameShape(y, up)
	d.parallel(y.Rows, rowGrain(y.Cols), func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			d.isa.swiglu(row(y, n), row(gate, n), row(up, n))
		}
	})
}

func (i ISA) swiglu(y, gate, up []float32) {
	var buffer [swigluChunk]float32
	for len(y) > 0 {
		n := min(len(y), swigluChunk)
		e, g, u, yn := buffer[:n], gate[:n], up[:n], y[:n]
		i.exps(e, g, -1, 0)
		for j := range e {
			yn[j] = g[j] / (1 + e[j]) * u[j]
		}
		gate, up, y = gate[n:], up[n:], y[n:]
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
	d.parallel(dy.Rows, rowGrain(dy.Cols), func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			d.isa.swigluBackward(row(dgate, n), row(dup, n), row(dy, n), row(gate, n), row(up, n))
		}
	})
}

func (i ISA) swigluBackward(dgate, dup, dy, gate, up []float32) {
	var buffer [swigluChunk]float32
	for len(dy) > 0 {
		n := min(len(dy), swigluChunk)
		e, g, u, dyn, dg, du := buffer[:n], gate[:n], up[:n], dy[:n], dgate[:n], dup[:n]
		i.exps(e, g, -1, 0)
		for j := range e {
			gj := g[j]
			s := 1 / (1 + e[j])
			t := float32(dyn[j] * s)
			dg[j] = t * u[j] * (1 + float32(gj*(1-s)))
			du[j] = t * gj
		}
		dgate, dup, dy, gate, up = dgate[n:], dup[n:], dy[n:], gate[n:], up[n:]
	}
}

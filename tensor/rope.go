package tensor

// RopeTables fills cos and sin of the angles pos·theta^(-2i/hd) for the
// positions 0 … Rows-1 and i < hd/2 = Cols (2104.09864). Angles are computed
// in float64.
func RopeTables(cos, sin Matrix, theta float64) {
	sameShape(cos, sin)
	logTheta := log64(theta)
	for i := range cos.Cols {
		frequency := exp64(-float64(i) / float64(cos.Cols) * logTheta)
		for pos := range cos.Rows {
			s, c := sincos64(float64(pos) * frequency)
			cos.Data[pos*cos.Stride+i] = float32(c)
			sin.Data[pos*sin.Stride+i] = float32(s)
		}
	}
}

// Rope rotates the heads of x in place. Dimension i of a head pairs with
// dimension i + hd/2 (the half-split convention of Hugging Face):
//
//	x_i, x_{i+hd/2} ← x_i·cos - x_{i+hd/2}·sin, x_{i+hd/2}·cos + x_i·sin
//
//	x        (batch·length, heads·hd), row b·length + t at position t
//	cos, sin (at least length, hd/2)
func (d *Device) Rope(x, cos, sin Matrix, length int) { d.rope(x, cos, sin, length, 1) }

// RopeBackward turns the gradient of Rope's output into that of its input, in
// place: the rotation by the opposite angle.
func (d *Device) RopeBackward(dx, cos, sin Matrix, length int) { d.rope(dx, cos, sin, length, -1) }

// ropeArgs are the arguments of Rope; direction is that of the rotation.
type ropeArgs struct {
	x, cos, sin Matrix
	length      int
	direction   float32
	isa         ISA
}

func (d *Device) rope(x, cos, sin Matrix, length int, direction float32) {
	sameShape(cos, sin)
	if x.Cols%(2*cos.Cols) != 0 || length > cos.Rows {
		panic("tensor: Rope shapes")
	}
	spread(d, x.Rows, rowGrain(x.Cols), ropeArgs{x, cos, sin, length, direction, d.isa}, func(a *ropeArgs, _, lo, hi int) {
		half := a.cos.Cols
		for n := lo; n < hi; n++ {
			c, s := row(a.cos, n%a.length), row(a.sin, n%a.length)
			for x := row(a.x, n); len(x) > 0; x = x[2*half:] {
				a.isa.rotate(x[:half], x[half:2*half], c, s, a.direction)
			}
		}
	})
}

// rotate computes x_i, y_i ← x_i·c_i - y_i·s_i, y_i·c_i + x_i·s_i with
// s_i = direction·sin_i.
func rotate(x, y, cos, sin []float32, direction float32) {
	for i, c := range cos {
		s, u, v := direction*sin[i], x[i], y[i]
		x[i] = fma32(u, c, -float32(v*s))
		y[i] = fma32(v, c, u*s)
	}
}

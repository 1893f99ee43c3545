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

func (d *Device) rope(x, cos, sin Matrix, length int, direction float32) {
	sameShape(cos, sin)
	half := cos.Cols
	if x.Cols%(2*half) != 0 || length > cos.Rows {
		panic("tensor: Rope shapes")
	}
	d.parallel(x.Rows, rowGrain(x.Cols), func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			c, s := row(cos, n%length), row(sin, n%length)
			xn := row(x, n)
			for ; len(xn) >= 2*half; xn = xn[2*half:] {
				a, b := xn[:half], xn[half:2*half]
				a, b, s := a[:len(c)], b[:len(c)], s[:len(c)]
				for i, ci := range c {
					si := direction * s[i]
					u, v := a[i], b[i]
					a[i] = float32(u*ci) - float32(v*si)
					b[i] = float32(v*ci) + float32(u*si)
				}
			}
		}
	})
}

package tensor

import "math"

// RMSNorm computes y_n ← x_n·rstd_n ⊙ gain with rstd_n = 1/√(mean(x_n²) + eps)
// (1910.07467).
//
//	x, y (N, d); gain (1, d); rstd (N), kept for the backward pass
func (d *Device) RMSNorm(y Matrix, rstd []float32, x, gain Matrix, eps float64) {
	sameShape(x, y)
	d.parallel(x.Rows, rowGrain(x.Cols), func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			xn := row(x, n)
			mean := d.isa.dot(xn, xn) / float32(len(xn))
			r := 1 / float32(math.Sqrt(float64(mean+float32(eps))))
			rstd[n] = r
			normalize(row(y, n), xn, row(gain, 0), r)
		}
	})
}

// RMSNormAgain repeats the output of RMSNorm from the kept rstd.
func (d *Device) RMSNormAgain(y Matrix, rstd []float32, x, gain Matrix) {
	sameShape(x, y)
	d.parallel(x.Rows, rowGrain(x.Cols), func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			normalize(row(y, n), row(x, n), row(gain, 0), rstd[n])
		}
	})
}

func normalize(y, x, gain []float32, r float32) {
	x, gain = x[:len(y)], gain[:len(y)]
	for i := range y {
		y[i] = gain[i] * float32(x[i]*r)
	}
}

// RMSNormBackward adds the gradient of the input of RMSNorm:
//
//	dx_n ← dx_n + rstd·(g - x_n·rstd²·mean(g ⊙ x_n)),  g = gain ⊙ dy_n
func (d *Device) RMSNormBackward(dx, dy, x, gain Matrix, rstd []float32) {
	sameShape(dx, x)
	sameShape(dy, x)
	d.parallel(x.Rows, rowGrain(x.Cols), func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			dxn, dyn, xn, g, r := row(dx, n), row(dy, n), row(x, n), row(gain, 0), rstd[n]
			c := weightedDot(g, dyn, xn) / float32(len(xn)) * r * r
			dyn, xn, g = dyn[:len(dxn)], xn[:len(dxn)], g[:len(dxn)]
			for i := range dxn {
				dxn[i] += float32(r * (float32(g[i]*dyn[i]) - float32(c*xn[i])))
			}
		}
	})
}

// weightedDot returns Σ g_i·y_i·x_i in the order of dot.
func weightedDot(g, y, x []float32) float32 {
	var s [lanes]float32
	for len(g) >= lanes && len(x) >= lanes && len(y) >= lanes {
		a, b, c := (*[lanes]float32)(g), (*[lanes]float32)(y), (*[lanes]float32)(x)
		for i := range lanes {
			s[i] += float32(float32(a[i]*b[i]) * c[i])
		}
		g, y, x = g[lanes:], y[lanes:], x[lanes:]
	}
	for i, v := range g {
		s[i] += float32(float32(v*y[i]) * x[i])
	}
	return joinLanes(&s)
}

// gainRows is the number of rows that are added up before they join the total
// of a gain's gradient.
const gainRows = 64

// RMSNormGain computes the gradient of the gain: dgain ← Σ_n dy_n ⊙ x_n·rstd_n.
// Rows are added in blocks of 64, the blocks in order.
//
//	dgain (1, d)
func (d *Device) RMSNormGain(dgain, dy, x Matrix, rstd []float32) {
	sameShape(dy, x)
	if dgain.Rows != 1 || dgain.Cols != x.Cols {
		panic("tensor: RMSNormGain shapes")
	}
	d.parallel(x.Cols, lanes, func(_, lo, hi int) {
		for ; lo < hi; lo += lanes {
			total := row(dgain, 0)[lo:min(lo+lanes, hi)]
			clear(total)
			for n := 0; n < x.Rows; n += gainRows {
				var block [lanes]float32
				for k := n; k < min(n+gainRows, x.Rows); k++ {
					a, b, r := row(dy, k)[lo:], row(x, k)[lo:], rstd[k]
					a, b = a[:len(total)], b[:len(total)]
					for i := range total {
						block[i] += float32(a[i] * float32(b[i]*r))
					}
				}
				for i := range total {
					total[i] += block[i]
				}
			}
		}
	})
}

package tensor

// normArgs are the arguments of RMSNorm and its relatives.
type normArgs struct {
	y, x, dx, dy, gain Matrix
	rstd               []float32
	eps                float32
	isa                ISA
}

// RMSNorm computes y_n ← x_n·rstd_n ⊙ gain with rstd_n = 1/√(mean(x_n²) + eps)
// (1910.07467).
//
//	x, y (N, d); gain (1, d); rstd (N), kept for the backward pass
func (d *Device) RMSNorm(y Matrix, rstd []float32, x, gain Matrix, eps float64) {
	sameShape(x, y)
	a := normArgs{y: y, x: x, gain: gain, rstd: rstd, eps: float32(eps), isa: d.isa}
	spread(d, x.Rows, rowGrain(x.Cols), a, func(a *normArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			x := row(a.x, n)
			a.rstd[n] = 1 / root(a.isa.dot(x, x)/float32(len(x))+a.eps)
			a.isa.normalize(row(a.y, n), x, row(a.gain, 0), a.rstd[n])
		}
	})
}

// RMSNormAgain repeats the output of RMSNorm from the kept rstd.
func (d *Device) RMSNormAgain(y Matrix, rstd []float32, x, gain Matrix) {
	sameShape(x, y)
	spread(d, x.Rows, rowGrain(x.Cols), normArgs{y: y, x: x, gain: gain, rstd: rstd, isa: d.isa}, func(a *normArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			a.isa.normalize(row(a.y, n), row(a.x, n), row(a.gain, 0), a.rstd[n])
		}
	})
}

func normalize(y, x, gain []float32, r float32) {
	for i, v := range x {
		y[i] = gain[i] * float32(v*r)
	}
}

// RMSNormBackward adds the gradient of the input of RMSNorm:
//
//	dx_n ← dx_n + rstd·(g - x_n·rstd²·mean(g ⊙ x_n)),  g = gain ⊙ dy_n
//
// The second reading of a row finds it in the cache.
func (d *Device) RMSNormBackward(dx, dy, x, gain Matrix, rstd []float32) {
	sameShape(dx, x)
	sameShape(dy, x)
	spread(d, x.Rows, rowGrain(x.Cols), normArgs{dx: dx, dy: dy, x: x, gain: gain, rstd: rstd, isa: d.isa}, func(a *normArgs, _, lo, hi int) {
		g := row(a.gain, 0)
		for n := lo; n < hi; n++ {
			dy, x, r := row(a.dy, n), row(a.x, n), a.rstd[n]
			c := a.isa.dot3(g, dy, x) / float32(len(x)) * r * r
			a.isa.normBackward(row(a.dx, n), dy, x, g, r, c)
		}
	})
}

// normBackward computes dx_i ← dx_i + r·(g_i·dy_i - c·x_i).
func normBackward(dx, dy, x, g []float32, r, c float32) {
	for i, v := range dx {
		dx[i] = fma32(r, fma32(-c, x[i], g[i]*dy[i]), v)
	}
}

// Bounds of what RMSNormGain adds up at a time.
const (
	gainRows  = 64 // rows that are added up before they join the total: part of the numbers
	gainWidth = 256
)

// RMSNormGain computes the gradient of the gain: dgain ← Σ_n dy_n ⊙ x_n·rstd_n.
// Rows are added in blocks of 64, the blocks in order.
//
//	dgain (1, d)
func (d *Device) RMSNormGain(dgain, dy, x Matrix, rstd []float32) {
	sameShape(dy, x)
	if dgain.Rows != 1 || dgain.Cols != x.Cols {
		panic("tensor: RMSNormGain shapes")
	}
	spread(d, x.Cols, columnGrain, normArgs{gain: dgain, dy: dy, x: x, rstd: rstd, isa: d.isa}, func(a *normArgs, _, lo, hi int) {
		clear(row(a.gain, 0)[lo:hi])
		for n := 0; n < a.x.Rows; n += gainRows {
			for from := lo; from < hi; from += gainWidth {
				to := min(from+gainWidth, hi)
				var block [gainWidth]float32
				sum := block[:to-from]
				for k := n; k < min(n+gainRows, a.x.Rows); k++ {
					a.isa.addNormalized(sum, row(a.dy, k)[from:to], row(a.x, k)[from:to], a.rstd[k])
				}
				a.isa.add(row(a.gain, 0)[from:to], sum)
			}
		}
	})
}

// addNormalized computes s_i ← s_i + dy_i·(x_i·r).
func addNormalized(s, dy, x []float32, r float32) {
	for i, v := range x {
		s[i] = fma32(dy[i], v*r, s[i])
	}
}

package tensor

import "ranklab/internal/random"

// A draw is a matrix to be filled with random values.
type draw struct {
	x    Matrix
	size float64
	key  random.Key
}

// FillNormal draws x from N(0, std²). Element i of the row-major order is
// std·key.Normal(i) and depends on nothing else.
func (d *Device) FillNormal(x Matrix, std float64, key random.Key) {
	spread(d, x.Rows, rowGrain(x.Cols), draw{x, std, key}, func(a *draw, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			x := row(a.x, n)
			for i := range x {
				x[i] = float32(a.size * a.key.Normal(uint64(n*a.x.Cols+i)))
			}
		}
	})
}

// FillUniform draws x uniformly from [-bound, bound). Element i of the
// row-major order depends on key and i only.
func (d *Device) FillUniform(x Matrix, bound float64, key random.Key) {
	spread(d, x.Rows, rowGrain(x.Cols), draw{x, bound, key}, func(a *draw, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			x := row(a.x, n)
			for i := range x {
				x[i] = float32(a.size * (2*float64(a.key.Float32(uint64(n*a.x.Cols+i))) - 1))
			}
		}
	})
}

package tensor

// Triad computes dst ← x + alpha·y. It is no part of training: with matrices
// much larger than the caches it measures the bandwidth of the memory (McCalpin's
// STREAM), at 12 bytes per element.
func (d *Device) Triad(dst Matrix, alpha float32, x, y Matrix) {
	sameShape(dst, x)
	sameShape(dst, y)
	ds, xs, ys := Values(dst), Values(x), Values(y)
	d.parallel(len(ds), span, func(_, lo, hi int) { d.isa.triad(ds[lo:hi], xs[lo:hi], ys[lo:hi], alpha) })
}

// triad computes dst_i ← x_i + alpha·y_i with one rounding.
func triad(dst, x, y []float32, alpha float32) {
	for i := range dst {
		dst[i] = fma32(y[i], alpha, x[i])
	}
}

package tensor

// Triad computes dst ← x + alpha·y. It is no part of training: with matrices
// much larger than the caches it measures the bandwidth of the memory (McCalpin's
// STREAM), at 12 bytes per element.
func (d *Device) Triad(dst Matrix, alpha float32, x, y Matrix) {
	sameShape(dst, x)
	sameShape(dst, y)
	ds, xs, ys := Values(dst), Values(x), Values(y)
	d.parallel(len(ds), span, func(_, lo, hi int) { d.isa.triad(ds[lo:hi], alpha, xs[lo:hi], ys[lo:hi]) })
}

// triad computes dst_i ← x_i + alpha·y_i with two roundings.
func (i ISA) triad(dst []float32, alpha float32, x, y []float32) {
	if len(dst) == 0 {
		return
	}
	x, y = x[:len(dst)], y[:len(dst)]
	done := 0 // a vector kernel does all but the last few
	switch i {
	case AVX512:
		if done = len(dst) &^ 63; done > 0 {
			triad512(&dst[0], alpha, &x[0], &y[0], done)
		}
	case AVX2:
		if done = len(dst) &^ 63; done > 0 {
			triad256(&dst[0], alpha, &x[0], &y[0], done)
		}
	}
	for j := done; j < len(dst); j++ {
		dst[j] = x[j] + float32(alpha*y[j])
	}
}

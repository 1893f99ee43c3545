package tensor

import (
	"math"
	"sync/atomic"

	"ranklab/internal/random"
)

// span is the number of elements below which an elementwise operation is not
// worth a second thread.
const span = 1 << 14

func dense(x Matrix) bool { return x.Stride == x.Cols || x.Rows <= 1 }

func row(x Matrix, i int) []float32 {
	o := i * x.Stride
	return x.Data[o : o+x.Cols : o+x.Cols]
}

// rowGrain is the number of rows of the given width that one thread takes at
// least.
func rowGrain(cols int) int { return max(1, span/max(1, cols)) }

func sameShape(x, y Matrix) {
	if x.Rows != y.Rows || x.Cols != y.Cols {
		panic("tensor: shapes differ")
	}
}

// each runs f on pieces that cover x. start is the position of the piece's
// first element in the row-major order of the shape.
func (d *Device) each(x Matrix, f func(start int, x []float32)) {
	if dense(x) {
		d.parallel(x.Rows*x.Cols, span, func(_, lo, hi int) { f(lo, x.Data[lo:hi]) })
		return
	}
	d.parallel(x.Rows, rowGrain(x.Cols), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i*x.Cols, row(x, i))
		}
	})
}

// each2 runs f on corresponding pieces that cover x and y.
func (d *Device) each2(x, y Matrix, f func(x, y []float32)) {
	sameShape(x, y)
	if dense(x) && dense(y) {
		d.parallel(x.Rows*x.Cols, span, func(_, lo, hi int) { f(x.Data[lo:hi], y.Data[lo:hi]) })
		return
	}
	d.parallel(x.Rows, rowGrain(x.Cols), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			f(row(x, i), row(y, i))
		}
	})
}

// Axpy computes y ← y + alpha·x.
func (d *Device) Axpy(alpha float32, x, y Matrix) {
	d.each2(x, y, func(x, y []float32) {
		y = y[:len(x)]
		for i, v := range x {
			y[i] += float32(alpha * v)
		}
	})
}

// Add computes dst ← dst + x.
func (d *Device) Add(dst, x Matrix) {
	d.each2(dst, x, func(dst, x []float32) {
		x = x[:len(dst)]
		for i := range dst {
			dst[i] += x[i]
		}
	})
}

// Mul computes dst ← dst ⊙ x.
func (d *Device) Mul(dst, x Matrix) {
	d.each2(dst, x, func(dst, x []float32) {
		x = x[:len(dst)]
		for i := range dst {
			dst[i] *= x[i]
		}
	})
}

// Copy computes dst ← src.
func (d *Device) Copy(dst, src Matrix) {
	d.each2(dst, src, func(dst, src []float32) { copy(dst, src) })
}

// Scale computes x ← alpha·x.
func (d *Device) Scale(alpha float32, x Matrix) {
	d.each(x, func(_ int, x []float32) { scale(alpha, x) })
}

func scale(alpha float32, x []float32) {
	for i := range x {
		x[i] *= alpha
	}
}

// Fill sets every element of x to v.
func (d *Device) Fill(x Matrix, v float32) {
	d.each(x, func(_ int, x []float32) {
		for i := range x {
			x[i] = v
		}
	})
}

// Zero sets every element of x to 0.
func (d *Device) Zero(x Matrix) {
	d.each(x, func(_ int, x []float32) { clear(x) })
}

// FillNormal draws x from N(0, std²). Element i of the row-major order is
// std·key.Normal(i) and depends on nothing else.
func (d *Device) FillNormal(x Matrix, std float64, key random.Key) {
	d.each(x, func(start int, x []float32) {
		for i := range x {
			x[i] = float32(std * key.Normal(uint64(start+i)))
		}
	})
}

// FillUniform draws x uniformly from [-bound, bound). Element i of the
// row-major order depends on key and i only.
func (d *Device) FillUniform(x Matrix, bound float64, key random.Key) {
	d.each(x, func(start int, x []float32) {
		for i := range x {
			x[i] = float32(bound * (2*float64(key.Float32(uint64(start+i))) - 1))
		}
	})
}

// Finite reports whether x holds neither NaN nor an infinity.
func (d *Device) Finite(x Matrix) bool {
	const exponent = 0x7f800000
	var bad atomic.Bool
	d.each(x, func(_ int, x []float32) {
		for _, v := range x {
			if math.Float32bits(v)&exponent == exponent {
				bad.Store(true)
				return
			}
		}
	})
	return !bad.Load()
}

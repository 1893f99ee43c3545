package tensor

import (
	"math"
	"sync/atomic"
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

// columnGrain is the number of columns that one thread takes at least, where
// sums over rows are split by columns: a few vectors for each call of a kernel.
const columnGrain = 64

func sameShape(x, y Matrix) {
	if x.Rows != y.Rows || x.Cols != y.Cols {
		panic("tensor: shapes differ")
	}
}

// elements are the arguments of an elementwise operation on two matrices of one
// shape and up to three constants.
type elements struct {
	x, y    Matrix
	a, b, c float32
	isa     ISA
	count   *atomic.Int64
	do      func(e *elements, x, y []float32)
}

// each runs do on corresponding pieces that cover x and y.
func (d *Device) each(e elements, do func(e *elements, x, y []float32)) {
	sameShape(e.x, e.y)
	e.isa, e.count, e.do = d.isa, &d.count, do
	if dense(e.x) && dense(e.y) {
		spread(d, e.x.Rows*e.x.Cols, span, e, func(e *elements, _, lo, hi int) {
			e.do(e, e.x.Data[lo:hi], e.y.Data[lo:hi])
		})
		return
	}
	spread(d, e.x.Rows, rowGrain(e.x.Cols), e, func(e *elements, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			e.do(e, row(e.x, i), row(e.y, i))
		}
	})
}

// Axpy computes y ← y + alpha·x, rounded once.
func (d *Device) Axpy(alpha float32, x, y Matrix) {
	d.each(elements{x: x, y: y, a: alpha}, func(e *elements, x, y []float32) { e.isa.axpy(y, x, e.a) })
}

func axpy(y, x []float32, alpha float32) {
	for i, v := range x {
		y[i] = fma32(alpha, v, y[i])
	}
}

// Add computes dst ← dst + x.
func (d *Device) Add(dst, x Matrix) {
	d.each(elements{x: x, y: dst}, func(e *elements, x, dst []float32) { e.isa.add(dst, x) })
}

func add(dst, x []float32) {
	for i, v := range x {
		dst[i] += v
	}
}

// Mul computes dst ← dst ⊙ x.
func (d *Device) Mul(dst, x Matrix) {
	d.each(elements{x: x, y: dst}, func(e *elements, x, dst []float32) { e.isa.mul(dst, x) })
}

func mul(dst, x []float32) {
	for i, v := range x {
		dst[i] *= v
	}
}

// Copy computes dst ← src.
func (d *Device) Copy(dst, src Matrix) {
	d.each(elements{x: src, y: dst}, func(_ *elements, src, dst []float32) { copy(dst, src) })
}

// Scale computes x ← alpha·x.
func (d *Device) Scale(alpha float32, x Matrix) {
	d.each(elements{x: x, y: x, a: alpha}, func(e *elements, x, _ []float32) { e.isa.scale(x, e.a) })
}

func scale(x []float32, alpha float32) {
	for i := range x {
		x[i] *= alpha
	}
}

// Fill sets every element of x to v.
func (d *Device) Fill(x Matrix, v float32) {
	d.each(elements{x: x, y: x, a: v}, func(e *elements, x, _ []float32) {
		for i := range x {
			x[i] = e.a
		}
	})
}

// Zero sets every element of x to 0.
func (d *Device) Zero(x Matrix) {
	d.each(elements{x: x, y: x}, func(_ *elements, x, _ []float32) { clear(x) })
}

// Finite reports whether x holds neither NaN nor an infinity.
func (d *Device) Finite(x Matrix) bool {
	d.count.Store(0)
	d.each(elements{x: x, y: x}, func(e *elements, x, _ []float32) {
		const exponent = 0x7f800000
		for _, v := range x {
			if math.Float32bits(v)&exponent == exponent {
				e.count.Add(1)
				return
			}
		}
	})
	return d.count.Load() == 0
}

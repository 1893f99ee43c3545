package tensor

import "fmt"

// A Transpose says how an operand of [Device.Gemm] is read.
type Transpose bool

const (
	N Transpose = false // as it is stored
	T Transpose = true  // transposed
)

// Gemm computes C ← alpha·op(A)·op(B) + beta·C with op(A) m × k, op(B) k × n
// and C m × n. With beta = 0, C is not read (it may hold anything). C must not
// overlap A or B. Zeros are multiplied like other numbers: 0·NaN is NaN.
//
// The bits of an element depend on its row of op(A), its column of op(B),
// alpha, beta and its old value only, not on the shape around it, the strides,
// the threads or the instruction set. For each block of gemmKC values of the
// inner index in turn, the products are summed in order, from zero, by
// multiply-adds of one rounding each; then, with three roundings,
//
//	c ← alpha·sum + beta·c   (first block; alpha·sum if beta = 0)
//	c ← alpha·sum + c        (the others)
func (d *Device) Gemm(ta, tb Transpose, alpha float32, a, b Matrix, beta float32, c Matrix) {
	g := newGemmArgs(ta, tb, alpha, a, b, beta, c)
	if g.m == 0 || g.n == 0 {
		return
	}
	if g.k == 0 {
		scaleBy(beta, c)
		return
	}
	s := d.split(&g)
	if s.jobs() == 1 {
		d.scratch[0].multiply(d.isa, &g, 0, g.m, 0, g.n)
		return
	}
	d.gemms = gemmTask{args: g, split: s, device: d}
	d.pool.run(s.jobs(), &d.gemms)
	d.gemms = gemmTask{}
}

// gemm is Gemm on one worker: the way for an operation to multiply small
// matrices inside a parallel section.
func (d *Device) gemm(worker int, ta, tb Transpose, alpha float32, a, b Matrix, beta float32, c Matrix) {
	g := newGemmArgs(ta, tb, alpha, a, b, beta, c)
	if g.m == 0 || g.n == 0 {
		return
	}
	if g.k == 0 {
		scaleBy(beta, c)
		return
	}
	d.scratch[worker].multiply(d.isa, &g, 0, g.m, 0, g.n)
}

// gemmArgs are the checked arguments of one product. Lines of an operand are
// rows of op(A) and columns of op(B): what is not summed over.
type gemmArgs struct {
	m, n, k     int
	alpha, beta float32
	a, b        operand
	c           []float32
	ldc         int
}

// An operand is a matrix of lines × k values. Value p of line i is
// data[i*stride+p] if contiguous, else data[p*stride+i].
type operand struct {
	data       []float32
	stride     int
	contiguous bool
}

func newGemmArgs(ta, tb Transpose, alpha float32, a, b Matrix, beta float32, c Matrix) gemmArgs {
	am, ak := a.Rows, a.Cols
	if ta {
		am, ak = ak, am
	}
	bk, bn := b.Rows, b.Cols
	if tb {
		bk, bn = bn, bk
	}
	if ak != bk || am != c.Rows || bn != c.Cols {
		panic(fmt.Sprintf("tensor: gemm of %d × %d and %d × %d into %d × %d", am, ak, bk, bn, c.Rows, c.Cols))
	}
	checkStored("A", a)
	checkStored("B", b)
	checkStored("C", c)
	return gemmArgs{
		m: am, n: bn, k: ak, alpha: alpha, beta: beta,
		a: operand{a.Data, a.Stride, ta == N},
		b: operand{b.Data, b.Stride, tb == T},
		c: c.Data, ldc: c.Stride,
	}
}

// checkStored panics unless all elements of a matrix lie within its slice: the
// kernels check nothing.
func checkStored(name string, m Matrix) {
	if m.Rows == 0 || m.Cols == 0 {
		return
	}
	if m.Rows < 0 || m.Cols < 0 || m.Stride < m.Cols || len(m.Data) < (m.Rows-1)*m.Stride+m.Cols {
		panic(fmt.Sprintf("tensor: gemm operand %s is %d × %d with stride %d in %d values",
			name, m.Rows, m.Cols, m.Stride, len(m.Data)))
	}
}

// scaleBy is the product with an empty sum: C ← beta·C.
func scaleBy(beta float32, c Matrix) {
	for i := range c.Rows {
		row := c.Data[i*c.Stride:][:c.Cols]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

package tensor

import (
	"math"
	"sort"

	"ranklab/internal/memory"
)

// An eigenSolver is the float64 workspace of symmetric eigen-decompositions of
// order up to capacity: Householder reduction to a tridiagonal matrix
// (eigen_reduce.go), then implicit QL (eigen_ql.go); Golub and Van Loan,
// "Matrix Computations", 4th ed., 8.3. Errors are those of float64 relative to
// the largest eigenvalue: the residual and the departure from orthonormality
// are about 1e-15 times the order's square root.
//
// The bits do not depend on threads: each row of a product, and each column of
// what is rotated, is computed by one worker in an order fixed by the shape.
type eigenSolver struct {
	capacity int
	n, ld    int // of the running problem; ld is the distance of rows

	a []float64 // (n, ld) the matrix, then reflectors as rows, then eigenvectors as rows
	z []float64 // (n, ld) the transposed product of all reflections and rotations

	diagonal []float64 // (n) then eigenvalues
	beside   []float64 // (n) entry i couples i and i+1
	tau      []float64 // (n) factors of the reflectors
	p, w     []float64 // (ld) of one reflection
	zero     []float64 // (ld)
	cs       []float64 // cosines and sines that are not applied yet
	sweeps   []sweep   // what they belong to
	values   []float64 // (n) eigenvalues, falling
	order    order

	negligible float64 // couplings up to this are zero

	task eigenTask
}

// A sweep is a sequence of rotations of rows top, top-1, … with the cosines and
// sines first … first+2n-1.
type sweep struct{ top, first, n int }

// rowDistance is a multiple of the 32 columns that are rotated at a time, and
// an odd one: then the rows of a stripe fall into different sets of a cache.
func rowDistance(n int) int { return rotated * ((n+rotated-1)/rotated | 1) }

// heldSweeps is how many sweeps wait before they are applied together, so that
// a stripe of the matrix is read once for all of them.
const heldSweeps = 32

// newEigenSolver allocates a solver (scratch).
func newEigenSolver(l *memory.Ledger, name string, n int) *eigenSolver {
	ld := rowDistance(n)
	floats := func(part string, n int) []float64 {
		l.Register(memory.Scratch, name+"."+part, 8*int64(n))
		if l.Predicting() {
			return nil
		}
		return make([]float64, n)
	}
	e := &eigenSolver{
		capacity: n,
		a:        floats("matrix", n*ld), z: floats("rotations", n*ld), cs: floats("held_rotations", 2*n*heldSweeps),
	}
	vectors := floats("vectors", 4*n+3*ld)
	e.order.index = l.Ints(memory.Scratch, name+".order", n)
	if l.Predicting() {
		return e
	}
	take := func(n int) []float64 {
		v := vectors[:n:n]
		vectors = vectors[n:]
		return v
	}
	e.diagonal, e.beside, e.tau, e.values = take(n), take(n), take(n), take(n)
	e.p, e.w, e.zero = take(ld), take(ld), take(ld)
	e.sweeps = make([]sweep, 0, heldSweeps)
	return e
}

// open starts a problem of order n: the caller writes the lower and the upper
// triangle to the rows of the matrix.
func (e *eigenSolver) open(n int) {
	if n > e.capacity {
		panic("tensor: eigen-solver too small")
	}
	e.n, e.ld = n, rowDistance(n)
}

// row returns row i of the matrix, after solve the eigenvector of values[i].
func (e *eigenSolver) row(i int) []float64 { return e.a[i*e.ld:][:e.n:e.n] }

// solve decomposes the matrix. It returns false if it is not finite, or if an
// eigenvalue needs more than 60 sweeps; the matrix is lost then. A zero matrix
// has the eigenvectors of the identity.
func (d *Device) solve(e *eigenSolver) bool {
	n := e.n
	// A power of two brings the largest element to [½, 1): squares neither
	// overflow nor vanish, and no bit is lost. Two factors, since one may be
	// out of range.
	var largest float64
	for i := range n {
		for _, v := range e.row(i) {
			if !(math.Abs(v) <= math.MaxFloat64) {
				return false
			}
			largest = max(largest, math.Abs(v))
		}
		clear(e.a[i*e.ld+n : (i+1)*e.ld])
	}
	_, exponent := math.Frexp(largest)
	half, rest := math.Ldexp(1, -exponent/2), math.Ldexp(1, -exponent+exponent/2)
	for i := range n {
		row := e.row(i)
		for j := range row {
			row[j] = row[j] * half * rest
		}
	}
	d.reduce(e)
	d.accumulate(e)
	if !d.iterate(e) {
		return false
	}

	e.order.keys, e.order.index = e.diagonal, e.order.index[:n]
	for i := range e.order.index {
		e.order.index[i] = int32(i)
	}
	sort.Stable(&e.order)
	for i, from := range e.order.index {
		e.values[i] = math.Ldexp(e.diagonal[from], exponent)
		copy(e.row(i), e.z[int(from)*e.ld:])
	}
	return true
}

// order sorts indices by falling keys.
type order struct {
	keys  []float64
	index []int32
}

func (o *order) Len() int           { return len(o.index) }
func (o *order) Less(i, j int) bool { return o.keys[o.index[i]] > o.keys[o.index[j]] }
func (o *order) Swap(i, j int)      { o.index[i], o.index[j] = o.index[j], o.index[i] }

var _ sort.Interface = (*order)(nil)

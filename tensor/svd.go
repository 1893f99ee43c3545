package tensor

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/lapack64"

	"ranklab/internal/memory"
)

// An SVD is the float64 workspace of exact singular bases, for matrices whose
// shorter side is at most short and whose longer side is at most long.
//
// The basis of the shorter side are the eigenvectors of the Gram matrix of that
// side, summed in float64 over exact products. Squaring loses singular values
// below 1e-8 of the largest, which is less than the rounding of the float32
// input itself, and the eigenvectors stay orthonormal to 1e-15 whatever the
// rank of the input; at 768 × 2048 it takes less than half the time of a thin SVD. The basis of
// the longer side is the orthonormal factor Q of a Householder QR of the
// product of the input with the first basis, which is orthonormal for
// rank-deficient inputs too.
//
// Each basis vector has its component of largest magnitude positive (the first
// of equals), so that a basis does not change sign from one call to the next.
type SVD struct {
	x      []float64 // (short, long) the input, its shorter side first
	gram   []float64 // (short, short) the Gram matrix, then its eigenvectors as columns
	values []float64 // (short) eigenvalues, ascending
	y      []float64 // (long, rank) the long side, when rank > 0
	tau    []float64 // (rank)
	work   []float64
}

// NewSVD allocates a workspace (scratch). rank is the largest number of
// vectors wanted on the longer side: 0 when only bases of shorter sides are.
func NewSVD(l *memory.Ledger, name string, short, long, rank int) *SVD {
	work := 1
	query := func(f func(work []float64)) {
		var size [1]float64
		f(size[:])
		work = max(work, int(size[0]))
	}
	query(func(w []float64) {
		lapack64.Syev(lapack.EVCompute, symmetric(nil, short), nil, w, -1)
	})
	if rank > 0 {
		query(func(w []float64) { lapack64.Geqrf(general(nil, long, rank), nil, w, -1) })
		query(func(w []float64) { lapack64.Orgqr(general(nil, long, rank), make([]float64, rank), w, -1) })
	}
	floats := func(part string, n int) []float64 {
		l.Register(memory.Scratch, name+"."+part, 8*int64(n))
		if l.Predicting() {
			return nil
		}
		return make([]float64, n)
	}
	return &SVD{
		x: floats("input", short*long), gram: floats("gram", short*short), values: floats("values", short),
		y: floats("product", long*rank), tau: floats("tau", rank), work: floats("work", work),
	}
}

func general(data []float64, rows, cols int) blas64.General {
	return blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

func symmetric(data []float64, n int) blas64.Symmetric {
	return blas64.Symmetric{N: n, Stride: n, Data: data, Uplo: blas.Lower}
}

// LeftBasis writes the first p.Cols left singular vectors of g (m, n) into the
// columns of p (m, r), in order of falling singular values. It returns the
// share Σ_{i<r} σ_i² / Σ σ_i² of g that they capture, and false, with p
// unchanged, if g is not finite, is zero, or the eigen-solver does not converge.
func (d *Device) LeftBasis(w *SVD, g, p Matrix) (captured float64, ok bool) {
	if p.Rows != g.Rows || p.Cols > min(g.Rows, g.Cols) {
		panic("tensor: LeftBasis shapes")
	}
	return d.basis(w, g, p.Cols, true, func(i, k int, v float32) { p.Data[i*p.Stride+k] = v })
}

// RightBasis writes the first p.Rows right singular vectors of g (m, n) into
// the rows of p (r, n); otherwise it is LeftBasis.
func (d *Device) RightBasis(w *SVD, g, p Matrix) (captured float64, ok bool) {
	if p.Cols != g.Cols || p.Rows > min(g.Rows, g.Cols) {
		panic("tensor: RightBasis shapes")
	}
	return d.basis(w, g, p.Rows, false, func(i, k int, v float32) { p.Data[k*p.Stride+i] = v })
}

// basis computes r left or right vectors of g and hands component i of vector k
// to set.
func (d *Device) basis(w *SVD, g Matrix, r int, left bool, set func(i, k int, v float32)) (captured float64, ok bool) {
	short, long := min(g.Rows, g.Cols), max(g.Rows, g.Cols)
	leftShort := g.Rows < g.Cols || g.Rows == g.Cols && left // the side whose Gram matrix is used
	if !d.eigen(w, g, leftShort) {
		return 0, false
	}
	if left == leftShort {
		for k := range r {
			column(w.gram, short, short, short-1-k, k, set)
		}
		return w.captured(short, r), true
	}
	d.longSide(w, short, long, r)
	y := general(w.y[:long*r], long, r)
	lapack64.Geqrf(y, w.tau[:r], w.work, len(w.work))
	lapack64.Orgqr(y, w.tau[:r], w.work, len(w.work))
	for k := range r {
		column(w.y, long, r, k, k, set)
	}
	return w.captured(short, r), true
}

// Factorize writes the best approximation of rank r of g (m, n) as balanced
// factors b (m, r) and a (r, n): with g = UΣVᵀ, b = U_r·√Σ_r and a = √Σ_r·V_rᵀ.
// It returns false, with both unchanged, where LeftBasis does.
func (d *Device) Factorize(w *SVD, g, b, a Matrix) bool {
	r := b.Cols
	if b.Rows != g.Rows || a.Cols != g.Cols || a.Rows != r || r > min(g.Rows, g.Cols) {
		panic("tensor: Factorize shapes")
	}
	leftShort := g.Rows <= g.Cols
	if !d.eigen(w, g, leftShort) {
		return false
	}
	short, long := min(g.Rows, g.Cols), max(g.Rows, g.Cols)
	d.longSide(w, short, long, r)
	setB := func(i, k int, v float32) { b.Data[i*b.Stride+k] = v }
	setA := func(j, k int, v float32) { a.Data[k*a.Stride+j] = v }
	setShort, setLong := setB, setA
	if !leftShort {
		setShort, setLong = setA, setB
	}
	for k := range r {
		// The long side holds σ·vector, so that the product is exactly the
		// projection of g, however well σ itself is known.
		half := math.Sqrt(math.Sqrt(max(0, w.values[short-1-k])))
		sign := largestSign(w.gram, short, short, short-1-k)
		for i := range short {
			setShort(i, k, float32(sign*w.gram[i*short+short-1-k]*half))
		}
		for j := range long {
			v := 0.0
			if half > 0 {
				v = sign * w.y[j*r+k] / half
			}
			setLong(j, k, float32(v))
		}
	}
	return true
}

// eigen leaves the eigen-decomposition of g·gᵀ (left) or gᵀ·g in w; it is asked
// for the shorter side.
func (d *Device) eigen(w *SVD, g Matrix, left bool) bool {
	short, long := min(g.Rows, g.Cols), max(g.Rows, g.Cols)
	if short == 0 || short*long > len(w.x) || short*short > len(w.gram) {
		panic("tensor: SVD workspace too small")
	}
	d.parallel(short, 1, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := w.x[i*long:][:long]
			for j := range row {
				if left {
					row[j] = float64(g.Data[i*g.Stride+j])
				} else {
					row[j] = float64(g.Data[j*g.Stride+i])
				}
			}
		}
	})
	// Row i of the triangle has i+1 entries: pairing i with short-1-i gives
	// every worker the same number.
	d.parallel((short+1)/2, 1, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			gramRow(w.gram, w.x, short, long, i)
			if j := short - 1 - i; j != i {
				gramRow(w.gram, w.x, short, long, j)
			}
		}
	})
	var trace float64
	for i := range short {
		trace += w.gram[i*short+i]
	}
	if !(trace > 0) || math.IsInf(trace, 0) {
		return false
	}
	return lapack64.Syev(lapack.EVCompute, symmetric(w.gram[:short*short], short), w.values[:short], w.work, len(w.work))
}

// gramRow computes the entries (i, 0 … i) of x·xᵀ, four at a time.
func gramRow(gram, x []float64, short, long, i int) {
	a := x[i*long:][:long]
	out := gram[i*short:][:i+1]
	j := 0
	for ; j+4 <= len(out); j += 4 {
		b0, b1, b2, b3 := x[j*long:][:long], x[(j+1)*long:][:long], x[(j+2)*long:][:long], x[(j+3)*long:][:long]
		var s0, s1, s2, s3 float64
		for k, v := range a {
			s0 += float64(v * b0[k])
			s1 += float64(v * b1[k])
			s2 += float64(v * b2[k])
			s3 += float64(v * b3[k])
		}
		out[j], out[j+1], out[j+2], out[j+3] = s0, s1, s2, s3
	}
	for ; j < len(out); j++ {
		b := x[j*long:][:long]
		var s float64
		for k, v := range a {
			s += float64(v * b[k])
		}
		out[j] = s
	}
}

// longSide computes y = xᵀ·(first r eigenvectors), (long, r).
func (d *Device) longSide(w *SVD, short, long, r int) {
	if long*r > len(w.y) {
		panic("tensor: SVD workspace too small")
	}
	d.parallel(long, 1, func(_, lo, hi int) {
		for j := lo; j < hi; j++ {
			y := w.y[j*r:][:r]
			clear(y)
			for i := range short {
				v := w.x[i*long+j]
				vectors := w.gram[i*short:][:short]
				for k := range y {
					y[k] += float64(v * vectors[short-1-k])
				}
			}
		}
	})
}

// captured is the share of the squared singular values that the r largest hold.
func (w *SVD) captured(short, r int) float64 {
	var top, all float64
	for i, v := range w.values[:short] {
		v = max(0, v)
		all += v
		if i >= short-r {
			top += v
		}
	}
	return top / all
}

// column hands column c of the (n, stride) matrix to set as vector k, with the
// sign that makes its largest component positive.
func column(data []float64, n, stride, c, k int, set func(i, k int, v float32)) {
	sign := largestSign(data, n, stride, c)
	for i := range n {
		set(i, k, float32(sign*data[i*stride+c]))
	}
}

func largestSign(data []float64, n, stride, c int) float64 {
	best := 0.0
	for i := range n {
		if v := data[i*stride+c]; math.Abs(v) > math.Abs(best) {
			best = v
		}
	}
	if best < 0 {
		return -1
	}
	return 1
}

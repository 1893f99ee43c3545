package tensor

import (
	"math"

	"ranklab/internal/memory"
)

// An SVD is the float64 workspace of exact singular bases, for matrices whose
// shorter side is at most short and whose longer side is at most long.
//
// The basis of the shorter side are the eigenvectors of the Gram matrix of that
// side, summed in float64 over exact products. Squaring loses singular values
// below 1e-8 of the largest, which is less than the rounding of the float32
// input itself, and the eigenvectors stay orthonormal to 1e-15 whatever the
// rank of the input. The basis of the longer side is the orthonormal factor Q of
// a Householder QR of the product of the input with the first basis, which is
// orthonormal for rank-deficient inputs too.
//
// Each basis vector has its component of largest magnitude positive (the first
// of equals), so that a basis does not change sign from one call to the next.
type SVD struct {
	x     []float64 // (short, padded long) the input, its shorter side first; then Q as rows
	y     []float64 // (rank, padded long) the long side, when rank > 0
	eigen *eigenSolver
	qr    rowQR
	task  svdTask
}

// NewSVD allocates a workspace (scratch). rank is the largest number of
// vectors wanted on the longer side: 0 when only bases of shorter sides are.
func NewSVD(l *memory.Ledger, name string, short, long, rank int) *SVD {
	floats := func(part string, n int) []float64 {
		l.Register(memory.Scratch, name+"."+part, 8*int64(n))
		if l.Predicting() {
			return nil
		}
		return make([]float64, n)
	}
	w := &SVD{x: floats("input", short*padded(long)), eigen: newEigenSolver(l, name+".eigen", short)}
	w.y = floats("product", rank*padded(long))
	w.qr.tau, w.qr.s, w.qr.zero = floats("factors", rank), floats("products", rank), floats("zeros", padded(long))
	return w
}

// padded is the least multiple of the lanes of a sum that holds n.
func padded(n int) int { return (n + lanes - 1) &^ (lanes - 1) }

// LeftBasis writes the first p.Cols left singular vectors of g (m, n) into the
// columns of p (m, r), in order of falling singular values. It returns the
// share Σ_{i<r} σ_i² / Σ σ_i² of g that they capture, and false, with p
// unchanged, if g is not finite, is zero, or the eigen-solver does not converge.
func (d *Device) LeftBasis(w *SVD, g, p Matrix) (captured float64, ok bool) {
	if p.Rows != g.Rows || p.Cols > min(g.Rows, g.Cols) {
		panic("tensor: LeftBasis shapes")
	}
	return d.basis(w, g, p, p.Cols, true)
}

// RightBasis writes the first p.Rows right singular vectors of g (m, n) into
// the rows of p (r, n); otherwise it is LeftBasis.
func (d *Device) RightBasis(w *SVD, g, p Matrix) (captured float64, ok bool) {
	if p.Cols != g.Cols || p.Rows > min(g.Rows, g.Cols) {
		panic("tensor: RightBasis shapes")
	}
	return d.basis(w, g, p, p.Rows, false)
}

// basis computes r left or right vectors of g.
func (d *Device) basis(w *SVD, g, p Matrix, r int, left bool) (captured float64, ok bool) {
	leftShort := g.Rows < g.Cols || g.Rows == g.Cols && left // the side whose Gram matrix is used
	if !d.decompose(w, g, leftShort) {
		return 0, false
	}
	if left != leftShort {
		d.longSide(w, r)
		w.qr.reflections.ld, w.qr.r, w.qr.n, w.qr.a, w.qr.q = w.task.ld, r, w.task.long, w.y, w.x
		d.orthonormal(&w.qr)
	}
	for k := range r {
		v := w.eigen.row
		if left != leftShort {
			v = w.longRow
		}
		setVector(p, left, k, v(k), largestSign(v(k)))
	}
	return w.captured(r), true
}

// longRow returns row k of Q.
func (w *SVD) longRow(k int) []float64 { return w.x[k*w.task.ld:][:w.task.long] }

// setVector writes factor·v to column or row k of p.
func setVector(p Matrix, column bool, k int, v []float64, factor float64) {
	if !column {
		row := row(p, k)
		for j, x := range v {
			row[j] = float32(factor * x)
		}
		return
	}
	for i, x := range v {
		p.Data[i*p.Stride+k] = float32(factor * x)
	}
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
	if !d.decompose(w, g, leftShort) {
		return false
	}
	d.longSide(w, r)
	short, long := b, a
	if !leftShort {
		short, long = a, b
	}
	for k := range r {
		// The long side holds σ·vector, so that the product is exactly the
		// projection of g, however well σ itself is known.
		half := math.Sqrt(math.Sqrt(max(0, w.eigen.values[k])))
		v := w.eigen.row(k)
		sign := largestSign(v)
		setVector(short, leftShort, k, v, sign*half)
		inverse := 0.0
		if half > 0 {
			inverse = sign / half
		}
		setVector(long, !leftShort, k, w.y[k*w.task.ld:][:w.task.long], inverse)
	}
	return true
}

// decompose leaves the eigen-decomposition of g·gᵀ (left) or gᵀ·g in w; it is
// asked for the shorter side.
func (d *Device) decompose(w *SVD, g Matrix, left bool) bool {
	short, long := min(g.Rows, g.Cols), max(g.Rows, g.Cols)
	ld := padded(long)
	if short == 0 || short*ld > len(w.x) {
		panic("tensor: SVD workspace too small")
	}
	w.eigen.open(short)
	w.task = svdTask{w: w, isa: d.isa, g: g, left: left, short: short, long: long, ld: ld}
	w.task.run(d, svdWiden, short, long)
	// Row i of the triangle has i+1 entries: pairing i with short-1-i gives
	// every worker the same number.
	w.task.run(d, svdGram, (short+1)/2, short*long)
	var trace float64
	for i := range short {
		row := w.eigen.row(i)
		trace += row[i]
		for j := range row[:i] {
			w.eigen.row(j)[i] = row[j]
		}
	}
	return trace > 0 && !math.IsInf(trace, 0) && d.solve(w.eigen)
}

// longSide computes y = (first r eigenvectors as rows)·x, (r, long).
func (d *Device) longSide(w *SVD, r int) {
	if r*w.task.ld > len(w.y) {
		panic("tensor: SVD workspace too small")
	}
	w.task.run(d, svdProduct, r, w.task.short*w.task.long)
}

type svdKind uint8

const (
	svdWiden   svdKind = iota // rows of x
	svdGram                   // pairs of rows of the lower triangle of x·xᵀ
	svdProduct                // rows of y
)

// An svdTask is one parallel section over n units.
type svdTask struct {
	w               *SVD
	isa             ISA
	g               Matrix
	left            bool
	short, long, ld int

	kind     svdKind
	n, parts int
}

// run does n units of about the given number of operations each.
func (t *svdTask) run(d *Device, kind svdKind, n, operations int) {
	t.kind, t.n = kind, n
	t.parts = d.pieces(n, 1<<14/operations)
	d.runParts(t.parts, t)
}

func (t *svdTask) do(_, part int) {
	lo, hi := piece(t.n, t.parts, part)
	for i := lo; i < hi; i++ {
		switch t.kind {
		case svdWiden:
			t.widen(i)
		case svdGram:
			t.gram(i)
			if j := t.short - 1 - i; j != i {
				t.gram(j)
			}
		case svdProduct:
			t.product(i)
		}
	}
}

func (t *svdTask) widen(i int) {
	row := t.w.x[i*t.ld:][:t.ld]
	clear(row[t.long:])
	row = row[:t.long]
	for j := range row {
		if t.left {
			row[j] = float64(t.g.Data[i*t.g.Stride+j])
		} else {
			row[j] = float64(t.g.Data[j*t.g.Stride+i])
		}
	}
}

// gram computes the entries (i, 0 … i) of x·xᵀ, four at a time.
func (t *svdTask) gram(i int) {
	x, ld, long := t.w.x, t.ld, t.long
	a := x[i*ld:][:long]
	out := t.w.eigen.row(i)[:i+1]
	j := 0
	for ; j+4 <= len(out); j += 4 {
		b0, b1, b2, b3 := x[j*ld:][:long], x[(j+1)*ld:][:long], x[(j+2)*ld:][:long], x[(j+3)*ld:][:long]
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
		b := x[j*ld:][:long]
		var s float64
		for k, v := range a {
			s += float64(v * b[k])
		}
		out[j] = s
	}
}

// product computes row k of y, two rows of x at a time.
func (t *svdTask) product(k int) {
	x, y, v := t.w.x, t.w.y[k*t.ld:][:t.ld], t.w.eigen.row(k)
	clear(y)
	for i := 0; i < t.short; i += 2 {
		first, second, weight := x[i*t.ld:][:t.ld], t.w.qr.zero, 0.0
		if i+1 < t.short {
			second, weight = x[(i+1)*t.ld:][:t.ld], -v[i+1]
		}
		t.isa.rank2(y, first, -v[i], second, weight, first)
	}
}

// captured is the share of the squared singular values that the r largest hold.
func (w *SVD) captured(r int) float64 {
	var top, all float64
	for i, v := range w.eigen.values[:w.task.short] {
		v = max(0, v)
		all += v
		if i < r {
			top += v
		}
	}
	return top / all
}

// largestSign is the sign of the component of largest magnitude, the first of
// equals.
func largestSign(v []float64) float64 {
	best := 0.0
	for _, x := range v {
		if math.Abs(x) > math.Abs(best) {
			best = x
		}
	}
	if best < 0 {
		return -1
	}
	return 1
}

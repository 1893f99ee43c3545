package tensor

import (
	"math"

	"ranklab/internal/random"
)

// rowsQR makes the rows of matrices in float32 orthonormal by products of whole
// matrices: Cholesky QR. With S = Y·Yᵀ = L·Lᵀ the rows of L⁻¹·Y are
// orthonormal, up to rounding times the square of Y's condition. Rows are
// scaled to length one first, which takes grading out of the condition, and
// where that is not enough S is shifted, after which another pass sees a better
// condition (Fukaya et al., "Shifted Cholesky QR for computing the QR
// factorization of ill-conditioned matrices", SIAM J. Sci. Comput. 42, 2020).
// What passes cannot do, Gram-Schmidt does, row by row.
type rowsQR struct {
	s    []float32  // (k, k) the Gram matrix, then L with inverted diagonal blocks
	temp []float32  // a block of 32 rows or columns
	key  random.Key // of the rows that replace those without a direction
	zero random.Key // of those that replace zeros
}

const (
	cholBlock = 32 // rows of a block of L
	// A pass is accepted if each pivot, the squared distance of a row of length
	// one from the rows before, is at least healthy: the rows then are
	// orthonormal to about 1e-4. Otherwise it is repeated with a shift, which
	// divides the condition by 1/√shift; its size keeps the inverted blocks
	// of L, and with them the rounding of float32, small.
	healthy   = 0.02
	cholShift = 1e-3
	maxPasses = 8
)

// orthonormalRows makes the rows of y (k, n), k ≤ n, nearly orthonormal: the
// first i rows span what they spanned. Rows without a direction of their own
// get one. It returns false if y is not finite.
func (d *Device) orthonormalRows(w *rowsQR, y Matrix) bool {
	for range maxPasses {
		switch pivot := d.choleskyPass(w, y, 1e-6, healthy); {
		case pivot != pivot:
			return false
		case pivot >= healthy:
			return true
		}
		if pivot := d.choleskyPass(w, y, cholShift, 0); pivot != pivot {
			return false
		}
	}
	w.gramSchmidt(y)
	return true
}

// polishRows makes the rows of b orthonormal to the rounding of float32 and
// changes them as little as that takes: Newton's iteration for the polar factor,
// B ← ½(3I - B·Bᵀ)·B, doubles the correct digits (Higham, "Functions of
// Matrices", 8.3). other has the shape of b; the result is in the matrix that
// is returned. Rows that are far from orthonormal go through orthonormalRows.
func (d *Device) polishRows(w *rowsQR, b, other Matrix) (Matrix, bool) {
	s := Of(w.s, b.Rows, b.Rows)
	for range 2 * maxPasses {
		d.normalizeRows(b, w.zero)
		d.Gemm(N, T, 1, b, b, 0, s)
		deviation := departure(s)
		switch {
		case deviation != deviation:
			return b, false
		case deviation > 0.3:
			if !d.orthonormalRows(w, b) {
				return b, false
			}
			continue
		}
		for i := range s.Rows {
			row := row(s, i)
			for j := range row {
				row[j] *= -0.5
			}
			row[i] += 1.5
		}
		d.Gemm(N, N, 1, s, b, 0, other)
		b, other = other, b
		if deviation < 1e-3 {
			return b, true
		}
	}
	w.gramSchmidt(b)
	return b, true
}

// departure is ‖S - I‖ in the Frobenius norm.
func departure(s Matrix) float64 {
	var sum float64
	for i := range s.Rows {
		for j, v := range row(s, i) {
			x := float64(v)
			if i == j {
				x--
			}
			sum += float64(x * x)
		}
	}
	return math.Sqrt(sum)
}

// choleskyPass scales the rows of y to length one and multiplies them by the
// inverse of the factor of Y·Yᵀ + shift·I. It returns the least pivot, or NaN if
// y is not finite, and stops before the first block with a pivot below least.
func (d *Device) choleskyPass(w *rowsQR, y Matrix, shift float32, least float64) (pivot float64) {
	d.normalizeRows(y, w.zero)
	s := Of(w.s, y.Rows, y.Rows)
	d.Gemm(N, T, 1, y, y, 0, s)
	for i := range s.Rows {
		s.Data[i*s.Stride+i] += shift
	}
	pivot = 1
	for i := 0; i < s.Rows; i += cholBlock {
		n := min(cholBlock, s.Rows-i)
		block := part(s, i, i+n, i, i+n)
		pivot = min(pivot, invertCholesky(block, float64(shift)/2))
		if !(pivot >= least) {
			return pivot
		}
		if rest := s.Rows - i - n; rest > 0 {
			below := part(s, i+n, s.Rows, i, i+n)
			temp := Of(w.temp, rest, n)
			d.Gemm(N, T, 1, below, block, 0, temp)
			copyMatrix(below, temp)
			d.Gemm(N, T, -1, temp, temp, 1, part(s, i+n, s.Rows, i+n, s.Rows))
		}
		// The rows of L⁻¹·y above are known: y_i ← L_ii⁻¹·(y_i - Σ L_ij·y_j).
		yi, temp := Rows(y, i, i+n), Of(w.temp, n, y.Cols)
		if i > 0 {
			d.Gemm(N, N, -1, part(s, i, i+n, 0, i), Rows(y, 0, i), 1, yi)
		}
		d.Gemm(N, N, 1, block, yi, 0, temp)
		copyMatrix(yi, temp)
	}
	return pivot
}

// part returns the view of rows i0 … i1-1 and columns j0 … j1-1.
func part(m Matrix, i0, i1, j0, j1 int) Matrix { return Cols(Rows(m, i0, i1), j0, j1) }

func copyMatrix(dst, src Matrix) {
	for i := range dst.Rows {
		copy(row(dst, i), row(src, i))
	}
}

// invertCholesky replaces the lower triangle of s (n, n), n ≤ cholBlock, by the
// inverse of its Cholesky factor, computed in float64, and the rest by zeros.
// It returns the least square on the diagonal of the factor; one below least,
// which only rounding explains, is raised to that.
func invertCholesky(s Matrix, least float64) (pivot float64) {
	var l [cholBlock][cholBlock]float64
	pivot = 1
	n := s.Rows
	for j := range n {
		for i := j; i < n; i++ {
			v := float64(s.Data[i*s.Stride+j])
			for k := range j {
				v -= float64(l[i][k] * l[j][k])
			}
			l[i][j] = v
		}
		pivot = min(pivot, l[j][j]) // NaN stays
		root := math.Sqrt(max(l[j][j], least))
		for i := j; i < n; i++ {
			l[i][j] /= root
		}
		l[j][j] = root
	}
	for j := range n {
		clear(row(s, j)[j+1:])
		// Column j of the inverse: L·x = e_j.
		var x [cholBlock]float64
		x[j] = 1 / l[j][j]
		for i := j + 1; i < n; i++ {
			var v float64
			for k := j; k < i; k++ {
				v -= float64(l[i][k] * x[k])
			}
			x[i] = v / l[i][i]
		}
		for i := j; i < n; i++ {
			s.Data[i*s.Stride+j] = float32(x[i])
		}
	}
	return pivot
}

// gramSchmidt makes the rows of y orthonormal one after the other: what lies in
// the rows before is taken away, twice, which is enough (Giraud, Langou and
// Rozložník 2005). A row that all but vanishes is replaced by a random one.
func (w *rowsQR) gramSchmidt(y Matrix) {
	for i := range y.Rows {
		for try := 0; ; try++ {
			v := row(y, i)
			before := math.Sqrt(dot64(v, v))
			for range 2 {
				for j := range i {
					u := row(y, j)
					c := float32(dot64(u, v))
					for l := range v {
						v[l] -= float32(c * u[l])
					}
				}
			}
			after := math.Sqrt(dot64(v, v))
			if after > 1e-3*before {
				scaleTo(v, 1/after)
				break
			}
			fillNormalRow(v, w.key.Step(i).Step(try))
		}
	}
}

package tensor

import (
	"math"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// What can be said of a matrix, or of a basis, in a number or two.

// A Spectrum sums up the singular values σ_1 ≥ σ_2 ≥ … of a matrix.
type Spectrum struct {
	// Effective is the effective rank exp(-Σ p_i·ln p_i) with p_i = σ_i/Σσ (Roy and
	// Vetterli, "The effective rank", EUSIPCO 2007): n if n singular values are
	// equal and the others zero.
	Effective float64
	// Stable is the stable rank Σσ_i²/σ_1².
	Stable float64
	// Captured is Σ_{i≤r} σ_i²/Σσ_i²: no basis of rank r captures more.
	Captured float64
}

// eigenNoise is the share of the largest eigenvalue of a Gram matrix below which
// another is nothing but rounding of float64.
const eigenNoise = 1e-14

// Spectrum decomposes g (m, n) and sums up its singular values, with the share
// that the first rank of them hold. It returns false if g is not finite or zero,
// or if the eigen-solver does not converge.
func (d *Device) Spectrum(w *SVD, g Matrix, rank int) (s Spectrum, ok bool) {
	if !d.decompose(w, g, g.Rows <= g.Cols) {
		return s, false
	}
	squares := w.eigen.values[:w.task.short]
	var sum, all float64
	for i, v := range squares {
		if v <= eigenNoise*squares[0] {
			squares[i] = 0
			continue
		}
		all += v
		sum += math.Sqrt(v)
	}
	var entropy float64
	for _, v := range squares {
		if p := math.Sqrt(v) / sum; p > 0 {
			entropy -= float64(p * Log(p))
		}
	}
	return Spectrum{Effective: Exp(entropy), Stable: all / squares[0], Captured: w.captured(rank)}, true
}

// Departure returns how far the columns of p (m, r), or its rows (r, m), are from
// orthonormal: ‖PᵀP - I‖ in the Frobenius norm. s (r, r) receives PᵀP.
func (d *Device) Departure(p, s Matrix, columns bool) float64 {
	if columns {
		d.Gemm(T, N, 1, p, p, 0, s)
	} else {
		d.Gemm(N, T, 1, p, p, 0, s)
	}
	return departure(s)
}

// NonFinite returns how many elements of x are NaN or infinite.
func (d *Device) NonFinite(x Matrix) int {
	d.count.Store(0)
	d.each(elements{x: x, y: x}, func(e *elements, x, _ []float32) {
		const exponent = 0x7f800000
		n := int64(0)
		for _, v := range x {
			if math.Float32bits(v)&exponent == exponent {
				n++
			}
		}
		if n > 0 {
			e.count.Add(n)
		}
	})
	return int(d.count.Load())
}

// A Span is the workspace of [Device.Orthonormal].
type Span struct {
	rows  rowsQR
	other []float32 // (rank, dim)
}

// NewSpan allocates a workspace (scratch) for up to rank vectors, of up to dim
// components and together up to basis ones.
func NewSpan(l *memory.Ledger, name string, rank, dim, basis int) *Span {
	floats := func(part string, n int) []float32 { return l.Floats(memory.Scratch, name+"."+part, n) }
	w := &Span{rows: rowsQR{s: floats("gram", rank*rank), temp: floats("panel", cholBlock*dim)}, other: floats("other", basis)}
	key := random.New(0).Stream("span")
	w.rows.key, w.rows.zero = key.Stream("replacement"), key.Stream("zero row")
	return w
}

// orthonormal is the departure from orthonormal vectors at which a basis counts as
// one: rounding of float32.
const orthonormal = 1e-4

// Orthonormal writes to the rows of x (r, d) the basis p: its columns (d, r), or its
// rows (r, d). Where they are not orthonormal, the rows of x are an orthonormal basis
// of the same span: the nearest one if they nearly are. It returns false if p is not finite.
func (d *Device) Orthonormal(w *Span, x, p Matrix, columns bool) bool {
	if columns {
		d.transpose(x, p)
	} else {
		d.Copy(x, p)
	}
	off := d.Departure(x, Of(w.rows.s, x.Rows, x.Rows), false)
	if off <= orthonormal {
		return true
	}
	if off != off {
		return false
	}
	y, ok := d.polishRows(&w.rows, x, Of(w.other, x.Rows, x.Cols))
	if ok {
		copyMatrix(x, y)
	}
	return ok
}

package tensor

import (
	"math"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// A Law is a distribution of bases that are drawn and do not look at a gradient.
type Law uint8

// The laws, of r vectors on a side of d. Row i of Z (r, d), Z ~ N(0, 1), comes
// from Step(i) of the key of the basis.
const (
	// Stiefel is uniform over orthonormal frames, as in 2410.11289: with Zᵀ = Q·R,
	// Q with the signs with which the diagonal of R is positive. Cholesky QR has
	// these signs by itself.
	Stiefel Law = iota
	// Gaussian is Z/√r, as in 2402.03293 and 2412.05270: not orthonormal, each
	// vector about √(d/r) long, and the mean of PᵀP is I.
	Gaussian
	// Coordinates are r different unit vectors, in random order.
	Coordinates
)

// A RandomBasis is the workspace of bases that are drawn, and of the share of a
// gradient that they capture.
type RandomBasis struct {
	law    Law
	blocks []float32 // two blocks (r, d)
	image  []float32 // a gradient in the coordinates of a basis
	rows   rowsQR
}

// side returns d, the length of a basis vector, and the other extent.
func (p Panel) side() (d, other int) {
	if p.Left {
		return p.Out, p.In
	}
	return p.In, p.Out
}

// NewRandomBasis allocates a workspace (scratch) for the given panels.
func NewRandomBasis(l *memory.Ledger, name string, law Law, panels ...Panel) *RandomBasis {
	var blocks, image, rank, temp int
	for _, p := range panels {
		d, other := p.side()
		blocks, image, rank, temp = max(blocks, p.Rank*d), max(image, p.Rank*other), max(rank, p.Rank), max(temp, cholBlock*d)
	}
	if law == Coordinates {
		rank, temp = 0, 0
	} else {
		blocks *= 2
	}
	floats := func(part string, n int) []float32 { return l.Floats(memory.Scratch, name+"."+part, n) }
	return &RandomBasis{
		law: law, blocks: floats("blocks", blocks), image: floats("image", image),
		rows: rowsQR{s: floats("gram", rank*rank), temp: floats("panel", temp)},
	}
}

// DrawFLOPs returns the arithmetic of one basis of a law: its orthonormal vectors
// in two passes and a polish, and what they capture.
func (p Panel) DrawFLOPs(law Law) float64 {
	d, _ := p.side()
	r := float64(p.Rank)
	flops := 2 * float64(p.Out) * float64(p.In) * r
	if law != Coordinates {
		flops += 3 * 4 * float64(d) * r * r
	}
	return flops
}

// DrawLeft writes a basis for the left side of g (m, n), drawn with key, to the
// columns of p (m, r). It returns the share of ‖G‖² that its span captures:
// ‖QᵀG‖²/‖G‖² with an orthonormal Q of the same span, which is P itself but for
// [Gaussian]. The share is NaN if g is zero or not finite.
func (d *Device) DrawLeft(w *RandomBasis, g, p Matrix, key random.Key) (captured float64) {
	if p.Rows != g.Rows || p.Cols > g.Rows {
		panic("tensor: DrawLeft shapes")
	}
	q := d.draw(w, p.Cols, p.Rows, key, p, true)
	image := Of(w.image, p.Cols, g.Cols)
	d.Gemm(N, N, 1, q, g, 0, image)
	return d.share(image, g)
}

// DrawRight writes one for the right side to the rows of p (r, n); otherwise it
// is DrawLeft.
func (d *Device) DrawRight(w *RandomBasis, g, p Matrix, key random.Key) (captured float64) {
	if p.Cols != g.Cols || p.Rows > g.Cols {
		panic("tensor: DrawRight shapes")
	}
	q := d.draw(w, p.Rows, p.Cols, key, p, false)
	image := Of(w.image, g.Rows, p.Rows)
	d.Gemm(N, T, 1, g, q, 0, image)
	return d.share(image, g)
}

// draw writes a basis to p and returns orthonormal rows (r, side) of its span.
func (d *Device) draw(w *RandomBasis, r, side int, key random.Key, p Matrix, left bool) Matrix {
	x := Of(w.blocks, r, side)
	if w.law == Coordinates {
		d.Zero(x)
		for i := range r {
			x.Data[i*side+key.Permutation(side, i)] = 1
		}
		d.place(p, x, left)
		return x
	}
	d.drawRows(x, key)
	if w.law == Gaussian {
		d.place(p, x, left)
		d.Scale(float32(1/math.Sqrt(float64(r))), p)
	}
	w.rows.key, w.rows.zero = key.Stream("replacement"), key.Stream("zero row")
	d.orthonormalRows(&w.rows, x) // of finite numbers: there is always a result
	x, _ = d.polishRows(&w.rows, x, Of(w.blocks[r*side:], r, side))
	if w.law == Stiefel {
		d.place(p, x, left)
	}
	return x
}

// place writes rows to the rows or columns of p.
func (d *Device) place(p, rows Matrix, left bool) {
	if left {
		d.transpose(p, rows)
	} else {
		d.Copy(p, rows)
	}
}

// share returns ‖image‖²/‖g‖², or NaN where that is no number.
func (d *Device) share(image, g Matrix) float64 {
	total := d.SumSquares(g)
	if s := d.SumSquares(image) / total; total > 0 && !math.IsInf(total, 0) && !math.IsInf(s, 0) {
		return min(1, s)
	}
	return math.NaN()
}

// NormalRows returns the Z (r, side) that a basis of [Stiefel] or [Gaussian] is
// made from.
func (d *Device) NormalRows(r, side int, key random.Key) Matrix {
	x := Of(make([]float32, r*side), r, side)
	d.drawRows(x, key)
	return x
}

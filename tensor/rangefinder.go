package tensor

import (
	"math"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// A RangeFinder is the workspace of approximate singular bases by subspace
// iteration (Halko, Martinsson and Tropp, "Finding structure with randomness",
// 0909.4061, algorithm 4.4 and section 5), in float32 and built of matrix
// products on the whole device.
//
// With A (s, l) the gradient, its shorter side first, C = A·Aᵀ/‖A‖² + μ·I and X
// (k, s) a block of k = r + 8 rows:
//
//	X ← the old basis, or its image A·P on the longer side; random rows as the rest
//	repeat   X ← orthonormal rows of X·C
//	         until what X captures, tr(X·C·Xᵀ) - k·μ, grows by less than a tolerance
//	V·Λ·Vᵀ = X·C·Xᵀ                   the eigen-solver in float64 (Rayleigh and Ritz)
//	P ← the first r rows of Vᵀ·X, or of Vᵀ·X·A on the longer side, polished
//
// μ is far below the energies that matter. It bounds the ratio of the largest
// to the smallest row of X·C, which float32 could not tell from the noise of
// the largest, and leaves directions in which the gradient has next to nothing
// as they were. Where a block takes as many rows as A has, X is the identity
// and there is nothing to iterate.
//
// Each basis vector has its component of largest magnitude positive (the first
// of equals), as with [SVD].
type RangeFinder struct {
	blocks []float32 // two blocks (k, s), or one (r, l)
	work   []float32 // C (s, s), later or instead a block (k, l)
	eigen  *eigenSolver
	rows   rowsQR

	rounds int // of the last call
}

const (
	// oversampling is the number of rows beyond the rank.
	oversampling = 8
	// floor is μ, a share of ‖A‖².
	floor = 1e-6
	// growth is the relative gain of captured energy at which rounds end. Of
	// the gradients of real runs at least 99.96 % of what exact bases capture is
	// found with it, in 2 to 11 rounds; of Gaussian matrices, which have no gap,
	// 99.6 %. 2e-3 comes close to 99.5 there, 5e-4 takes a third more rounds.
	growth = 1e-3
	// maxRounds bounds the products with C.
	maxRounds = 16
)

// A Panel is a basis to be found: of rank r on the left or right side of
// gradients (out, in).
type Panel struct {
	Out, In, Rank int
	Left          bool
}

// ShortSide reports whether the basis lies on the shorter side of a gradient;
// both sides of a square one are.
func (p Panel) ShortSide() bool {
	return p.Out == p.In || p.Left == (p.Out < p.In)
}

func (p Panel) sizes() (short, long, block int) {
	short, long = min(p.Out, p.In), max(p.Out, p.In)
	return short, long, min(short, p.Rank+oversampling)
}

// gramPays reports whether a few rounds take fewer operations with the Gram
// matrix C, 2s²l once and 2s²k per round, than with A and Aᵀ, 4slk per round.
func gramPays(short, long, block int) bool {
	const rounds = 4
	return block == short || short*(long+rounds*block) <= 2*rounds*long*block
}

// FLOPs returns the arithmetic of one refresh with the usual number of rounds.
func (p Panel) FLOPs() float64 {
	const rounds = 4
	short, long, block := p.sizes()
	s, l, k, r := float64(short), float64(long), float64(block), float64(p.Rank)
	flops := 9*k*k*k + 6*s*k*r // eigenvectors; rotation and polish
	if gramPays(short, long, block) {
		flops += 2*s*s*l + rounds*2*s*s*k
	} else {
		flops += rounds * 4 * s * l * k
	}
	if block < short {
		flops += rounds * 4 * s * k * k // orthonormal rows
	}
	if !p.ShortSide() {
		flops += 2*s*l*r + 4*l*r*r
	}
	return flops
}

// NewRangeFinder allocates a workspace (scratch) for the given panels.
func NewRangeFinder(l *memory.Ledger, name string, panels ...Panel) *RangeFinder {
	var blocks, work, block, temp int
	for _, p := range panels {
		s, n, k := p.sizes()
		blocks, work, block = max(blocks, 2*k*s), max(work, s*s, k*n), max(block, k)
		temp = max(temp, cholBlock*max(s, k))
		if !p.ShortSide() {
			blocks, temp = max(blocks, p.Rank*n), max(temp, cholBlock*n)
		}
	}
	floats := func(part string, n int) []float32 { return l.Floats(memory.Scratch, name+"."+part, n) }
	return &RangeFinder{
		blocks: floats("blocks", blocks), work: floats("product", work), eigen: newEigenSolver(l, name+".eigen", block),
		rows: rowsQR{s: floats("gram", block*block), temp: floats("panel", temp)},
	}
}

// FindLeft writes to the columns of p (m, r) an orthonormal basis that captures
// nearly as much of g (m, n) as its first r left singular vectors, in singular
// order. It starts from what p holds, and from rows drawn with key if p is zero.
// It returns the share ‖PᵀG‖²/‖G‖², and false, with p unchanged, if g is not
// finite or zero.
func (d *Device) FindLeft(w *RangeFinder, g, p Matrix, key random.Key) (captured float64, ok bool) {
	if p.Rows != g.Rows || p.Cols > min(g.Rows, g.Cols) {
		panic("tensor: FindLeft shapes")
	}
	return d.find(w, g, p, Panel{g.Rows, g.Cols, p.Cols, true}, key)
}

// FindRight writes a basis for the right side to the rows of p (r, n);
// otherwise it is FindLeft.
func (d *Device) FindRight(w *RangeFinder, g, p Matrix, key random.Key) (captured float64, ok bool) {
	if p.Cols != g.Cols || p.Rows > min(g.Rows, g.Cols) {
		panic("tensor: FindRight shapes")
	}
	return d.find(w, g, p, Panel{g.Rows, g.Cols, p.Rows, false}, key)
}

func (d *Device) find(w *RangeFinder, g, p Matrix, panel Panel, key random.Key) (captured float64, ok bool) {
	f := finding{Device: d, w: w, g: g, p: p, Panel: panel, total: d.SumSquares(g)}
	if !(f.total > 0) || math.IsInf(f.total, 0) {
		return 0, false
	}
	f.short, f.long, f.block = panel.sizes()
	f.onShort = panel.ShortSide()
	f.leftShort = panel.Left == f.onShort
	w.rows.key, w.rows.zero = key.Stream("replacement"), key.Stream("zero row")
	f.prepare()
	x, y := Of(w.blocks, f.block, f.short), Of(w.blocks[f.block*f.short:], f.block, f.short)
	small := Of(w.rows.s, f.block, f.block)
	whole := f.block == f.short && f.c.Rows > 0
	if whole {
		copyMatrix(small, f.c)
	} else {
		f.start(x, key)
		x, y, ok = f.iterate(x, y)
		if !ok {
			return 0, false
		}
		d.Gemm(N, T, 1, y, x, 0, small)
	}
	if !f.ritz(small) {
		return 0, false
	}
	basis, other := Of(y.Data, f.Rank, f.short), Of(x.Data, f.Rank, f.short)
	if whole {
		copyMatrix(basis, Rows(small, 0, f.Rank))
	} else {
		d.Gemm(N, N, 1, Rows(small, 0, f.Rank), x, 0, basis)
	}
	if !f.onShort {
		image := Of(w.work, f.Rank, f.long)
		f.times(basis, image)
		basis, other = image, Of(w.blocks, f.Rank, f.long)
	}
	basis, ok = d.polishRows(&w.rows, basis, other)
	if !ok {
		return 0, false
	}
	if panel.Left {
		d.signedColumns(p, basis)
	} else {
		d.signedRows(p, basis)
	}
	var top float64
	for _, v := range w.eigen.values[:f.Rank] {
		top += max(0, v-floor)
	}
	return min(1, top), true
}

// A finding is one call.
type finding struct {
	*Device
	Panel
	w                  *RangeFinder
	g, p               Matrix
	total              float64 // ‖G‖²
	short, long, block int
	leftShort          bool    // A is g, not gᵀ
	onShort            bool    // the basis is one of the shorter side
	c                  Matrix  // C; no rows: rounds go through A and Aᵀ
	unit               float32 // 1/‖G‖, of each product with A where there is no C
}

// prepare computes C, if it pays and if squares of g stay far from the ends of
// float32.
func (f *finding) prepare() {
	const low, high = 1e-20, 1e30
	f.unit = float32(1 / math.Sqrt(f.total))
	if !gramPays(f.short, f.long, f.block) || f.total < low || f.total > high {
		return
	}
	f.c = Of(f.w.work, f.short, f.short)
	if f.leftShort {
		f.Gemm(N, T, float32(1/f.total), f.g, f.g, 0, f.c)
	} else {
		f.Gemm(T, N, float32(1/f.total), f.g, f.g, 0, f.c)
	}
	for i := range f.short {
		f.c.Data[i*f.c.Stride+i] += floor
	}
}

// times computes y ← x·A/‖A‖ for rows of the shorter side.
func (f *finding) times(x, y Matrix) {
	if f.leftShort {
		f.Gemm(N, N, f.unit, x, f.g, 0, y)
	} else {
		f.Gemm(N, T, f.unit, x, f.g, 0, y)
	}
}

// timesTransposed computes y ← x·Aᵀ/‖A‖ + beta·y for rows of the longer side,
// or for columns.
func (f *finding) timesTransposed(x Matrix, beta float32, y Matrix, tx Transpose) {
	if f.leftShort {
		f.Gemm(tx, T, f.unit, x, f.g, beta, y)
	} else {
		f.Gemm(tx, N, f.unit, x, f.g, beta, y)
	}
}

// power computes y ← x·C.
func (f *finding) power(x, y Matrix) {
	if f.c.Rows > 0 {
		f.Gemm(N, N, 1, x, f.c, 0, y)
		return
	}
	image := Of(f.w.work, x.Rows, f.long)
	f.times(x, image)
	copyMatrix(y, x)
	f.timesTransposed(image, floor, y, N)
}

// start fills x: with the old basis or its image, and with random rows.
func (f *finding) start(x Matrix, key random.Key) {
	warm := 0
	if s := f.SumSquares(f.p); s > 0 && !math.IsInf(s, 0) {
		warm = f.Rank
		old := Rows(x, 0, warm)
		switch {
		case !f.onShort && f.Left:
			f.timesTransposed(f.p, 0, old, T)
		case !f.onShort:
			f.timesTransposed(f.p, 0, old, N)
		case f.Left:
			f.transpose(old, f.p)
		default:
			copyMatrix(old, f.p)
		}
	}
	f.drawRows(Rows(x, warm, x.Rows), key)
}

// iterate runs the rounds. It returns orthonormal rows x and y = x·C, and false
// if a number overflowed.
func (f *finding) iterate(x, y Matrix) (Matrix, Matrix, bool) {
	f.power(x, y)
	before := 0.0
	for f.w.rounds = 1; ; f.w.rounds++ {
		x, y = y, x
		if !f.orthonormalRows(&f.w.rows, x) {
			return x, y, false
		}
		f.power(x, y)
		now := f.Dot(x, y) - float64(floor*float64(f.block))
		if f.w.rounds == maxRounds || now-before <= growth*now {
			return x, y, now == now
		}
		before = now
	}
}

// ritz replaces s (k, k), symmetric up to rounding, by its eigenvectors as rows.
func (f *finding) ritz(s Matrix) bool {
	e := f.w.eigen
	e.open(s.Rows)
	for i := range s.Rows {
		r := e.row(i)
		for j := range r {
			r[j] = (float64(s.Data[i*s.Stride+j]) + float64(s.Data[j*s.Stride+i])) / 2
		}
	}
	if !f.solve(e) {
		return false
	}
	for i := range s.Rows {
		r := row(s, i)
		for j, v := range e.row(i) {
			r[j] = float32(v)
		}
	}
	return true
}

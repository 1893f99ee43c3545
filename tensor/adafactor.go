package tensor

// AdafactorStep holds the constants of one Adafactor second moment.
type AdafactorStep struct {
	Beta, Rest float32 // β2(t) and 1-β2(t)
	Floor      float64 // added to each squared gradient: 1e-30
}

// adafactorArgs are the arguments of the passes of AdafactorFactored.
type adafactorArgs struct {
	g          Matrix
	rows, cols []float32
	mean       float32
	step       AdafactorStep
	isa        ISA
}

// moment returns the new second moment for n squares that add up to sum.
func (s *AdafactorStep) moment(old float32, sum float64, n int) float32 {
	mean := float32(sum/float64(n) + s.Floor)
	return float32(s.Beta*old) + float32(s.Rest*mean)
}

// AdafactorFactored updates the factored second moment of the matrix g with
// g⊙g + Floor and replaces g by the normalised gradient (Shazeer and Stern,
// 1804.04235, algorithm 4):
//
//	row_i ← β·row_i + (1-β)·mean_j(g_ij² + floor)
//	col_j ← β·col_j + (1-β)·mean_i(g_ij² + floor)
//	g_ij  ← g_ij / (√(row_i / mean(row)) · √col_j)
//
// g is (m, n), row (1, m) and col (1, n). Means are summed in float64, where
// the squares are exact.
func (d *Device) AdafactorFactored(g, row, col Matrix, s AdafactorStep) {
	if row.Cols != g.Rows || col.Cols != g.Cols {
		panic("tensor: shapes differ")
	}
	a := adafactorArgs{g: g, rows: Values(row), cols: Values(col), step: s, isa: d.isa}
	spread(d, g.Rows, rowGrain(g.Cols), a, adafactorRows)
	spread(d, g.Cols, adafactorWidth, a, adafactorCols)
	a.mean = float32(Total(0, a.rows) / float64(len(a.rows)))
	spread(d, g.Rows, rowGrain(g.Cols), a, adafactorNormalize)
}

func adafactorRows(a *adafactorArgs, _, lo, hi int) {
	for i := lo; i < hi; i++ {
		x := row(a.g, i)
		a.rows[i] = a.step.moment(a.rows[i], a.isa.dot64(x, x), len(x))
	}
}

// adafactorWidth is the number of columns whose sums are kept at a time.
const adafactorWidth = 256

func adafactorCols(a *adafactorArgs, _, lo, hi int) {
	for ; lo < hi; lo += adafactorWidth {
		var sums [adafactorWidth]float64
		n := min(adafactorWidth, hi-lo)
		for i := range a.g.Rows {
			a.isa.addSquares(sums[:n], row(a.g, i)[lo:lo+n])
		}
		for j, sum := range sums[:n] {
			a.cols[lo+j] = a.step.moment(a.cols[lo+j], sum, a.g.Rows)
		}
	}
}

func addSquares(sums []float64, x []float32) {
	for i, v := range x {
		sums[i] += float64(v) * float64(v)
	}
}

func adafactorNormalize(a *adafactorArgs, _, lo, hi int) {
	for i := lo; i < hi; i++ {
		a.isa.divideByRoots(row(a.g, i), a.cols, root(a.rows[i]/a.mean))
	}
}

// divideByRoots computes g_i ← g_i / (r·√v_i).
func divideByRoots(g, v []float32, r float32) {
	for i, x := range g {
		g[i] = x / (r * root(v[i]))
	}
}

// AdafactorFull updates the unfactored second moment v with g⊙g + Floor and
// replaces g by the normalised gradient, as Adafactor does for vectors:
//
//	v ← β·v + (1-β)·(g⊙g + floor)
//	g ← g / √v
//
// Both have one shape.
func (d *Device) AdafactorFull(g, v Matrix, s AdafactorStep) {
	d.each(elements{x: g, y: v, a: s.Beta, b: s.Rest, c: float32(s.Floor)}, func(e *elements, g, v []float32) {
		e.isa.adafactorFull(g, v, e.a, e.b, e.c)
	})
}

func adafactorFull(g, v []float32, beta, rest, floor float32) {
	for i, x := range g {
		v[i] = fma32(beta, v[i], rest*fma32(x, x, floor))
		g[i] = x / root(v[i])
	}
}

package tensor

// AdafactorStep holds the constants of one Adafactor second moment.
type AdafactorStep struct {
	Beta, Rest float32 // β2(t) and 1-β2(t)
	Floor      float64 // added to each squared gradient: 1e-30
}

// AdafactorFactored updates the factored second moment of the matrix g with
// g⊙g + Floor and replaces g by the normalised gradient (Shazeer and Stern,
// 1804.04235, algorithm 4):
//
//	row_i ← β·row_i + (1-β)·mean_j(g_ij² + floor)
//	col_j ← β·col_j + (1-β)·mean_i(g_ij² + floor)
//	g_ij  ← g_ij / (√(row_i / mean(row)) · √col_j)
//
// g is (m, n), row (1, m) and col (1, n). Means are summed in float64.
func (d *Device) AdafactorFactored(g, row, col Matrix, s AdafactorStep) {
	if row.Cols != g.Rows || col.Cols != g.Cols {
		panic("tensor: shapes differ")
	}
	rows, cols := Values(row), Values(col)
	d.parallel(g.Rows, rowGrain(g.Cols), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			var sum float64
			for _, x := range g.Data[i*g.Stride:][:g.Cols] {
				sum += float64(x) * float64(x) // the product is exact
			}
			mean := float32(sum/float64(g.Cols) + s.Floor)
			rows[i] = float32(s.Beta*rows[i]) + float32(s.Rest*mean)
		}
	})
	const width = 64 // columns whose sums are kept at a time
	d.parallel(g.Cols, width, func(_, lo, hi int) {
		for ; lo < hi; lo += width {
			var sums [width]float64
			n := min(width, hi-lo)
			for i := range g.Rows {
				for j, x := range g.Data[i*g.Stride+lo:][:n] {
					sums[j] += float64(x) * float64(x)
				}
			}
			for j, sum := range sums[:n] {
				mean := float32(sum/float64(g.Rows) + s.Floor)
				cols[lo+j] = float32(s.Beta*cols[lo+j]) + float32(s.Rest*mean)
			}
		}
	})
	var total float64
	for _, r := range rows {
		total += float64(r)
	}
	mean := float32(total / float64(len(rows)))
	d.parallel(g.Rows, rowGrain(g.Cols), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			r := root(rows[i] / mean)
			line := g.Data[i*g.Stride:][:g.Cols]
			for j, x := range line {
				line[j] = x / (r * root(cols[j]))
			}
		}
	})
}

// AdafactorFull updates the unfactored second moment v with g⊙g + Floor and
// replaces g by the normalised gradient, as Adafactor does for vectors:
//
//	v ← β·v + (1-β)·(g⊙g + floor)
//	g ← g / √v
//
// Both have one shape.
func (d *Device) AdafactorFull(g, v Matrix, s AdafactorStep) {
	floor := float32(s.Floor)
	d.each2(g, v, func(gs, vs []float32) {
		for i, x := range gs {
			v := float32(s.Beta*vs[i]) + float32(s.Rest*(float32(x*x)+floor))
			vs[i] = v
			gs[i] = x / root(v)
		}
	})
}

package tensor

// Sums of one row run over 16 virtual lanes: element i belongs to lane i mod
// 16, each lane is added up in order, and the lanes are joined by halving: 8
// and 8, 4 and 4, 2 and 2, 1 and 1. A vector unit of any width up to 16 can
// reproduce the bits.
const lanes = 16

func joinLanes(s *[lanes]float32) float32 {
	for w := lanes / 2; w > 0; w /= 2 {
		for i := range w {
			s[i] += s[i+w]
		}
	}
	return s[0]
}

// sum returns Σ x_i.
func sum(x []float32) float32 {
	var s [lanes]float32
	for i, v := range x {
		s[i%lanes] += v
	}
	return joinLanes(&s)
}

// dot returns Σ x_i·y_i, each product rounded with the sum it joins.
func dot(x, y []float32) float32 {
	var s [lanes]float32
	for i, v := range x {
		s[i%lanes] = fma32(v, y[i], s[i%lanes])
	}
	return joinLanes(&s)
}

// dot3 returns Σ (g_i·y_i)·x_i in the order of dot.
func dot3(g, y, x []float32) float32 {
	var s [lanes]float32
	for i, v := range g {
		s[i%lanes] = fma32(v*y[i], x[i], s[i%lanes])
	}
	return joinLanes(&s)
}

// largest returns the largest element of x, which is not empty. NaN is passed
// over unless it comes first; a zero is +0, whatever the order.
func largest(x []float32) float32 {
	m := x[0]
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m + 0
}

// dot64 returns Σ x_i·y_i in float64. A product of two float32 values is exact
// there, so fusing it into the addition changes nothing.
func dot64(x, y []float32) float64 {
	var s [lanes]float64
	for i, v := range x {
		s[i%lanes] += float64(v) * float64(y[i])
	}
	for w := lanes / 2; w > 0; w /= 2 {
		for i := range w {
			s[i] += s[i+w]
		}
	}
	return s[0]
}

// parts bounds the number of partial sums of a whole matrix.
const parts = 256

// dotArgs are the arguments of Dot: each partial sum is over height rows.
type dotArgs struct {
	x, y    Matrix
	height  int
	partial *[parts]float64
	isa     ISA
}

// Dot returns Σ x_ij·y_ij in float64. The rows are cut into at most 256 equal
// parts, a number fixed by the shape; each part is added up row by row, and
// the parts are added in order.
func (d *Device) Dot(x, y Matrix) float64 {
	sameShape(x, y)
	height := (x.Rows + parts - 1) / parts
	if height == 0 {
		return 0
	}
	n := (x.Rows + height - 1) / height
	a := dotArgs{x, y, height, &d.partial, d.isa}
	spread(d, n, max(1, rowGrain(x.Cols)/height), a, func(a *dotArgs, _, lo, hi int) {
		for p := lo; p < hi; p++ {
			var s float64
			for i := p * a.height; i < min(a.x.Rows, (p+1)*a.height); i++ {
				s += a.isa.dot64(row(a.x, i), row(a.y, i))
			}
			a.partial[p] = s
		}
	})
	var s float64
	for _, v := range d.partial[:n] {
		s += v
	}
	return s
}

// SumSquares returns Σ x_ij² in float64, in the order of [Device.Dot].
func (d *Device) SumSquares(x Matrix) float64 { return d.Dot(x, x) }

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
	for len(x) >= lanes {
		b := (*[lanes]float32)(x)
		s[0] += b[0]
		s[1] += b[1]
		s[2] += b[2]
		s[3] += b[3]
		s[4] += b[4]
		s[5] += b[5]
		s[6] += b[6]
		s[7] += b[7]
		s[8] += b[8]
		s[9] += b[9]
		s[10] += b[10]
		s[11] += b[11]
		s[12] += b[12]
		s[13] += b[13]
		s[14] += b[14]
		s[15] += b[15]
		x = x[lanes:]
	}
	for i, v := range x {
		s[i] += v
	}
	return joinLanes(&s)
}

// dot returns Σ x_i·y_i.
func dot(x, y []float32) float32 {
	var s [lanes]float32
	for len(x) >= lanes && len(y) >= lanes {
		a, b := (*[lanes]float32)(x), (*[lanes]float32)(y)
		s[0] += float32(a[0] * b[0])
		s[1] += float32(a[1] * b[1])
		s[2] += float32(a[2] * b[2])
		s[3] += float32(a[3] * b[3])
		s[4] += float32(a[4] * b[4])
		s[5] += float32(a[5] * b[5])
		s[6] += float32(a[6] * b[6])
		s[7] += float32(a[7] * b[7])
		s[8] += float32(a[8] * b[8])
		s[9] += float32(a[9] * b[9])
		s[10] += float32(a[10] * b[10])
		s[11] += float32(a[11] * b[11])
		s[12] += float32(a[12] * b[12])
		s[13] += float32(a[13] * b[13])
		s[14] += float32(a[14] * b[14])
		s[15] += float32(a[15] * b[15])
		x, y = x[lanes:], y[lanes:]
	}
	for i, v := range x {
		s[i] += float32(v * y[i])
	}
	return joinLanes(&s)
}

// dot64 returns Σ x_i·y_i in float64. A product of two float32 values is exact
// there, so fusing it into the addition changes nothing.
func dot64(x, y []float32) float64 {
	var s [lanes]float64
	for len(x) >= lanes && len(y) >= lanes {
		a, b := (*[lanes]float32)(x), (*[lanes]float32)(y)
		for i := range lanes {
			s[i] += float64(a[i]) * float64(b[i])
		}
		x, y = x[lanes:], y[lanes:]
	}
	for i, v := range x {
		s[i] += float64(v) * float64(y[i])
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
	var partial [parts]float64
	d.parallel(n, max(1, rowGrain(x.Cols)/height), func(_, lo, hi int) {
		for p := lo; p < hi; p++ {
			var s float64
			for i := p * height; i < min(x.Rows, (p+1)*height); i++ {
				s += dot64(row(x, i), row(y, i))
			}
			partial[p] = s
		}
	})
	var s float64
	for _, v := range partial[:n] {
		s += v
	}
	return s
}

// SumSquares returns Σ x_ij² in float64, in the order of [Device.Dot].
func (d *Device) SumSquares(x Matrix) float64 { return d.Dot(x, x) }

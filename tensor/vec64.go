package tensor

// Kernels of the eigen-solver and of the orthogonalisations in float64. As with
// float32, every product that is added to something is rounded first, and sums
// run over 16 virtual lanes that are joined by halving.

// rotated is the number of columns that one call of turnRows turns.
const rotated = 32

// rank2 computes row ← row - a·x - b·y and returns the dot product of the new
// row with z. All have the length of row, a multiple of 16. One pass serves
// both a pending update of a row and the product that needs it updated, which
// halves the memory traffic.
func (i ISA) rank2(row, x []float64, a float64, y []float64, b float64, z []float64) float64 {
	n := len(row)
	if n == 0 {
		return 0
	}
	if n%lanes != 0 {
		panic("tensor: rank2 needs multiples of 16")
	}
	_, _, _ = x[n-1], y[n-1], z[n-1]
	switch i {
	case AVX512:
		return rank2x512(&row[0], &x[0], &y[0], &z[0], n, a, b)
	case AVX2:
		return rank2x256(&row[0], &x[0], &y[0], &z[0], n, a, b)
	}
	return rank2(row, x, a, y, b, z)
}

func rank2(row, x []float64, a float64, y []float64, b float64, z []float64) float64 {
	var s [lanes]float64
	for j := 0; j+lanes <= len(row); j += lanes {
		r, x, y, z := (*[lanes]float64)(row[j:]), (*[lanes]float64)(x[j:]), (*[lanes]float64)(y[j:]), (*[lanes]float64)(z[j:])
		for l := range lanes {
			v := r[l] - float64(float64(a*x[l])+float64(b*y[l]))
			r[l] = v
			s[l] += float64(v * z[l])
		}
	}
	for w := lanes / 2; w > 0; w /= 2 {
		for l := range w {
			s[l] += s[l+w]
		}
	}
	return s[0]
}

// turnRows applies a sequence of plane rotations to 32 columns of a row-major
// matrix: the first turns rows top and top-1, the next rows top-1 and top-2,
// and so on. cs holds the cosine and sine of each:
//
//	row i+1 ← s·row i + c·row i+1
//	row i   ← c·row i - s·row i+1
//
// The row that two rotations share stays in registers between them.
func (i ISA) turnRows(z []float64, top, stride int, cs []float64) {
	n := len(cs) / 2
	if n == 0 {
		return
	}
	if top < n || len(z) < top*stride+rotated {
		panic("tensor: turnRows outside its matrix")
	}
	switch i {
	case AVX512:
		turnRows512(&z[top*stride], 8*stride, &cs[0], n)
	case AVX2:
		turnRows256(&z[top*stride], 8*stride, &cs[0], n)
		turnRows256(&z[top*stride+rotated/2], 8*stride, &cs[0], n)
	default:
		turnRows(z, top, stride, cs)
	}
}

func turnRows(z []float64, top, stride int, cs []float64) {
	for i := top - 1; len(cs) > 0; i-- {
		c, s := cs[0], cs[1]
		cs = cs[2:]
		low, high := (*[rotated]float64)(z[i*stride:]), (*[rotated]float64)(z[(i+1)*stride:])
		for l := range rotated {
			x, y := low[l], high[l]
			high[l] = float64(s*x) + float64(c*y)
			low[l] = float64(c*x) - float64(s*y)
		}
	}
}

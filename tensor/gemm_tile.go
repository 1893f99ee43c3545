package tensor

import "unsafe"

// A gemmTile is one tile of C: rows × cols, at most gemmMR × gemmNR. a and b
// are strips k deep: value p of row i is a[p*lda+i], and b[p*ldb+j] likewise.
type gemmTile struct {
	k           int
	a, b, c     *float32
	lda         int // stripA(rows)
	ldb         int
	ldc         int
	rows, cols  int
	alpha, beta float32
	spare       []float32 // gemmMR × gemmNR

	// What to fetch to the cache meanwhile: k addresses, in bytes after next. nil: nothing.
	next  *float32
	ahead *int
}

func (t *gemmTile) run(isa ISA) {
	switch isa {
	case AVX512:
		tile512(t.k, t.a, t.b, 4*t.ldb, t.c, 4*t.ldc, t.alpha, t.beta, t.rows, t.cols, t.next, t.ahead)
	case AVX2:
		t.runAVX2()
	default:
		t.sums()
		t.merge()
	}
}

// runAVX2 covers the tile with pieces of 6 or 4 rows by 16 columns. Those that
// stick out of the tile go through spare.
func (t *gemmTile) runAVX2() {
	c, ldc, alpha, beta := t.c, t.ldc, t.alpha, t.beta
	partial := t.rows%4 != 0 || t.cols%16 != 0
	if partial {
		c, ldc, alpha, beta = &t.spare[0], gemmNR, 1, 0
	}
	for i := 0; i < t.lda; {
		high := 4
		if t.lda == 12 {
			high = 6
		}
		for j := 0; j < t.cols; j += 16 {
			tile256(t.k, at(t.a, i), 4*t.lda, at(t.b, j), 4*t.ldb, at(c, i*ldc+j), 4*ldc, alpha, beta, high)
		}
		i += high
	}
	if partial {
		t.merge()
	}
}

// sums computes the tile's sums of products in spare. Its inner loop is fma32
// written out, four chains side by side.
func (t *gemmTile) sums() {
	a := unsafe.Slice(t.a, t.k*t.lda)
	b := unsafe.Slice(t.b, (t.k-1)*t.ldb+t.cols)
	for i := range t.rows {
		row := t.spare[i*gemmNR:][:t.cols]
		j := 0
		for ; j+4 <= t.cols; j += 4 {
			var c0, c1, c2, c3 float32
			for p := range t.k {
				x, y := a[p*t.lda+i], b[p*t.ldb+j:][:4:4]
				s0 := float64(x)*float64(y[0]) + float64(c0)
				s1 := float64(x)*float64(y[1]) + float64(c1)
				s2 := float64(x)*float64(y[2]) + float64(c2)
				s3 := float64(x)*float64(y[3]) + float64(c3)
				if fmaUnsafe(s0) || fmaUnsafe(s1) || fmaUnsafe(s2) || fmaUnsafe(s3) {
					c0, c1, c2, c3 = fmaTail(x, y[0], c0), fmaTail(x, y[1], c1), fmaTail(x, y[2], c2), fmaTail(x, y[3], c3)
					continue
				}
				c0, c1, c2, c3 = float32(s0), float32(s1), float32(s2), float32(s3)
			}
			row[j], row[j+1], row[j+2], row[j+3] = c0, c1, c2, c3
		}
		for ; j < t.cols; j++ {
			var c float32
			for p := range t.k {
				c = fma32(a[p*t.lda+i], b[p*t.ldb+j], c)
			}
			row[j] = c
		}
	}
}

// merge adds the sums in spare to C.
func (t *gemmTile) merge() {
	c := unsafe.Slice(t.c, (t.rows-1)*t.ldc+t.cols)
	for i := range t.rows {
		sums, row := t.spare[i*gemmNR:][:t.cols], c[i*t.ldc:][:t.cols]
		if t.beta == 0 {
			for j, s := range sums {
				row[j] = t.alpha * s
			}
			continue
		}
		for j, s := range sums {
			row[j] = float32(t.alpha*s) + float32(t.beta*row[j])
		}
	}
}

// at returns the address i values after p.
func at(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

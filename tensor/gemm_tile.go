package tensor

import "unsafe"

// A gemmTile is one tile of C: rows × cols, at most gemmMR × gemmNR. Value p of
// row i of A is a[i*row+p*step], that of column j of B is b[p*ldb+j].
type gemmTile struct {
	k           int
	a, b, c     *float32
	row, step   int // 1 and stripA(rows) if packed; else step is 1
	ldb         int
	ldc         int
	rows, cols  int
	alpha, beta float32
	spare       []float32 // gemmMR × gemmNR
}

// across computes tiles side by side, cols columns in all: what b points to are
// strips of B, next values apart. One that is not whole comes alone.
func (t gemmTile) across(isa ISA, cols, next int) {
	lda := 0
	if t.step == 1 {
		lda = 4 * t.row
	}
	switch {
	case isa == AVX512:
		strip512(t.k, t.a, lda, t.b, 4*t.ldb, 4*next, t.c, 4*t.ldc, t.alpha, t.beta, t.rows, cols)
		return
	case isa == AVX2 && t.rows == gemmMR && cols%16 == 0:
		strip256(t.k, t.a, lda, t.b, 4*t.ldb, 4*next, t.c, 4*t.ldc, t.alpha, t.beta, cols)
		return
	}
	for j := 0; j < cols; j += gemmNR {
		tile := t
		tile.b, tile.c, tile.cols = at(t.b, j/gemmNR*next), at(t.c, j), min(gemmNR, cols-j)
		if isa == AVX2 {
			tile.runAVX2()
		} else {
			tile.sums()
			tile.merge()
		}
	}
}

// runAVX2 covers a tile with pieces of 4 rows by 16 columns. If they stick out
// of it, all go through spare.
func (t *gemmTile) runAVX2() {
	c, ldc, alpha, beta := t.c, t.ldc, t.alpha, t.beta
	partial := t.rows%4 != 0 || t.cols%16 != 0
	if partial {
		c, ldc, alpha, beta = &t.spare[0], gemmNR, 1, 0
	}
	for i := 0; i < t.rows; i += 4 {
		for j := 0; j < t.cols; j += 16 {
			tile256(t.k, at(t.a, i*t.row), 4*t.row, 4*t.step, at(t.b, j), 4*t.ldb, at(c, i*ldc+j), 4*ldc, alpha, beta)
		}
	}
	if partial {
		t.merge()
	}
}

// sums computes the tile's sums of products in spare. Its inner loop is fma32
// written out, four chains side by side.
func (t *gemmTile) sums() {
	a := unsafe.Slice(t.a, (t.k-1)*t.step+t.rows)
	b := unsafe.Slice(t.b, (t.k-1)*t.ldb+t.cols)
	for i := range t.rows {
		row := t.spare[i*gemmNR:][:t.cols]
		j := 0
		for ; j+4 <= t.cols; j += 4 {
			var c0, c1, c2, c3 float32
			for p := range t.k {
				x, y := a[p*t.step+i], b[p*t.ldb+j:][:4:4]
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
				c = fma32(a[p*t.step+i], b[p*t.ldb+j], c)
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

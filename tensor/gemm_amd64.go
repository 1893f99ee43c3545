//go:build amd64 && !noasm

package tensor

// strip512 computes rows ≤ 12 by any number of columns of C, in tiles of 64.
// The values of A are packed, stripA(rows) per step, if lda = 0; else rows is 12
// and A is read in place, its rows lda apart. B has 64 readable values per step
// of a tile (32 if cols ≤ 32, 16 if cols ≤ 16), steps ldb apart and tiles step
// apart. All distances are in bytes.
//
//go:noescape
func strip512(k int, a *float32, lda int, b *float32, ldb, step int, c *float32, ldc int, alpha, beta float32, rows, cols int)

// strip256 is strip512 for 12 rows and a multiple of 16 columns, in pieces of
// 6 rows by 16.
//
//go:noescape
func strip256(k int, a *float32, lda int, b *float32, ldb, step int, c *float32, ldc int, alpha, beta float32, cols int)

// tile256 computes a tile of 4 rows by 16 of C. The values of A of one step are
// row apart, and steps step apart. All distances are in bytes.
//
//go:noescape
func tile256(k int, a *float32, row, step int, b *float32, ldb int, c *float32, ldc int, alpha, beta float32)

// transpose16 writes the transpose of 16 lines of n values (n a multiple of
// 16): value q of line l goes to dst[q*w+l]. It needs AVX-512.
//
//go:noescape
func transpose16(dst *float32, w int, src *float32, stride, n int)

// transpose4 does the same for 4 lines of n values (n a multiple of 8).
//
//go:noescape
func transpose4(dst *float32, w int, src *float32, stride, n int)

// copyRows copies n rows of 4·quads values.
//
//go:noescape
func copyRows(dst *float32, w int, src *float32, stride, quads, n int)

// copyStrips12 cuts n rows into strips of 12 values: row q of strip s goes to
// dst[s*step+12*q:].
//
//go:noescape
func copyStrips12(dst *float32, step int, src *float32, stride, strips, n int)

// copyStrips64 does the same with strips of 64 values.
//
//go:noescape
func copyStrips64(dst *float32, step int, src *float32, stride, strips, n int)

// fma512 and fma256 run n rounds of multiply-adds on registers: 24 of 16
// values, and 12 of 8 values.
func fma512(n int)
func fma256(n int)

// pause tells the core that it is in a spinning loop.
func pause()

// fmaLoop runs n rounds of independent multiply-adds and returns their number.
func fmaLoop(isa ISA, n int) int {
	switch isa {
	case AVX512:
		fma512(n)
		return n * 24 * 16
	case AVX2:
		fma256(n)
		return n * 12 * 8
	}
	return fmaLoopGo(n / 100)
}

//go:build amd64 && !noasm

package tensor

// tile512 computes a tile of rows ≤ 12 by cols ≤ 32 of C: strides in bytes; a
// is a strip of stripA(rows) values per row, b has stripB(cols) readable values
// per row. If rows > 8 and ahead is not nil, it asks for the cache line at
// ahead[p] bytes after next in step p.
//
//go:noescape
func tile512(k int, a, b *float32, ldb int, c *float32, ldc int, alpha, beta float32, rows, cols int, next *float32, ahead *int)

// tile256 computes a tile of rows (6 or 4) by 16 of C; strides in bytes.
//
//go:noescape
func tile256(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, alpha, beta float32, rows int)

// transpose4 writes the transpose of 4 lines of n values (n a multiple of 8):
// value q of line l goes to dst[q*w+l].
//
//go:noescape
func transpose4(dst *float32, w int, src *float32, stride, n int)

// copyRows copies n rows of 4·quads values.
//
//go:noescape
func copyRows(dst *float32, w int, src *float32, stride, quads, n int)

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

//go:build !amd64 || noasm

package tensor

const noKernels = "tensor: this build has no assembly kernels"

func strip512(k int, a *float32, lda int, b *float32, ldb, step int, c *float32, ldc int, alpha, beta float32, rows, cols int) {
	panic(noKernels)
}

func strip256(k int, a *float32, lda int, b *float32, ldb, step int, c *float32, ldc int, alpha, beta float32, cols int) {
	panic(noKernels)
}

func tile256(k int, a *float32, row, step int, b *float32, ldb int, c *float32, ldc int, alpha, beta float32) {
	panic(noKernels)
}

func transpose16(dst *float32, w int, src *float32, stride, n int)             { panic(noKernels) }
func transpose4(dst *float32, w int, src *float32, stride, n int)              { panic(noKernels) }
func copyRows(dst *float32, w int, src *float32, stride, quads, n int)         { panic(noKernels) }
func copyStrips12(dst *float32, step int, src *float32, stride, strips, n int) { panic(noKernels) }
func copyStrips64(dst *float32, step int, src *float32, stride, strips, n int) { panic(noKernels) }

func pause() {}

func fmaLoop(_ ISA, n int) int { return fmaLoopGo(n / 100) }

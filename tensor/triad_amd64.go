//go:build amd64 && !noasm

package tensor

// Kernels of n elements, a positive multiple of 64.

//go:noescape
func triad512(dst *float32, alpha float32, x, y *float32, n int)

//go:noescape
func triad256(dst *float32, alpha float32, x, y *float32, n int)

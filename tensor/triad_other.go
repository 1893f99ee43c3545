//go:build !amd64 || noasm

package tensor

func triad512(dst *float32, alpha float32, x, y *float32, n int) { panic(noKernels) }
func triad256(dst *float32, alpha float32, x, y *float32, n int) { panic(noKernels) }

//go:build amd64 && !noasm

package tensor

// Kernels of n ≥ 1 elements.

//go:noescape
func exps512(dst, x *float32, n int, a, b float32)

//go:noescape
func exps256(dst, x *float32, n int, a, b float32)

//go:noescape
func sum512(x *float32, n int) float32

//go:noescape
func sum256(x *float32, n int) float32

//go:noescape
func dot512(x, y *float32, n int) float32

//go:noescape
func dot256(x, y *float32, n int) float32

//go:noescape
func largest512(x *float32, n int) float32

//go:noescape
func largest256(x *float32, n int) float32

//go:build !amd64 || noasm

package tensor

func exps512(dst, x *float32, n int, a, b float32) { panic(noKernels) }
func exps256(dst, x *float32, n int, a, b float32) { panic(noKernels) }
func sum512(x *float32, n int) float32             { panic(noKernels) }
func sum256(x *float32, n int) float32             { panic(noKernels) }
func dot512(x, y *float32, n int) float32          { panic(noKernels) }
func dot256(x, y *float32, n int) float32          { panic(noKernels) }
func largest512(x *float32, n int) float32         { panic(noKernels) }
func largest256(x *float32, n int) float32         { panic(noKernels) }

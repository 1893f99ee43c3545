package blas

import (
	"runtime"
	"runtime/debug"

	"gonum.org/v1/gonum/blas"
	native "gonum.org/v1/gonum/blas/gonum"

	"ranklab/tensor"
)

// gonum is pure Go with some assembly; it uses as many threads as the Go
// scheduler has.
func gonum(int) (*Library, error) {
	version := "unknown version"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "gonum.org/v1/gonum" {
				version = m.Version
			}
		}
	}
	transpose := func(t tensor.Transpose) blas.Transpose {
		if t {
			return blas.Trans
		}
		return blas.NoTrans
	}
	return &Library{
		Name: "gonum", Version: version, Threads: runtime.GOMAXPROCS(0),
		gemm: func(ta, tb tensor.Transpose, alpha float32, a, b tensor.Matrix, beta float32, c tensor.Matrix) {
			m, n, k := dims(ta, tb, a, b, c)
			native.Implementation{}.Sgemm(transpose(ta), transpose(tb), m, n, k, alpha, a.Data, a.Stride, b.Data, b.Stride, beta, c.Data, c.Stride)
		},
	}, nil
}

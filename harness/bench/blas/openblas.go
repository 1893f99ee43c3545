//go:build (linux || darwin) && (amd64 || arm64) && !static

package blas

import (
	"strings"

	"ranklab/tensor"
)

// openBLAS calls cblas_sgemm, with the C interface's order of arguments and
// numbers: 101 is row-major, 111 as it is stored, 112 transposed.
func openBLAS(threads int) (*Library, error) {
	s, err := load("libopenblas.so.0", "libopenblas.so", "libopenblas.dylib", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib")
	if err != nil {
		return nil, err
	}
	var (
		sgemm func(order, ta, tb, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32,
			beta float32, c *float32, ldc int32)
		setThreads       func(n int32)
		getThreads       func() int32
		config, corename func() string
	)
	if err := s.bind(map[string]any{
		"cblas_sgemm": &sgemm, "openblas_set_num_threads": &setThreads, "openblas_get_num_threads": &getThreads,
		"openblas_get_config": &config, "openblas_get_corename": &corename,
	}); err != nil {
		return nil, err
	}
	const rowMajor, asStored, transposed = 101, 111, 112
	transpose := func(t tensor.Transpose) int32 {
		if t {
			return transposed
		}
		return asStored
	}
	l := &Library{Name: "openblas", Version: "unknown version", run: newThread().do}
	l.Run(func() {
		setThreads(int32(threads))
		l.Threads, l.Core = int(getThreads()), corename()
		if words := strings.Fields(config()); len(words) > 1 { // "OpenBLAS 0.3.21 …"
			l.Version = words[1]
		}
	})
	l.gemm = func(ta, tb tensor.Transpose, alpha float32, a, b tensor.Matrix, beta float32, c tensor.Matrix) {
		m, n, k := dims(ta, tb, a, b, c)
		sgemm(rowMajor, transpose(ta), transpose(tb), int32(m), int32(n), int32(k), alpha, &a.Data[0], int32(a.Stride),
			&b.Data[0], int32(b.Stride), beta, &c.Data[0], int32(c.Stride))
	}
	return l, nil
}

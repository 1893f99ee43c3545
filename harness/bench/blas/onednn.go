//go:build (linux || darwin) && (amd64 || arm64) && !static

package blas

import (
	"fmt"

	"ranklab/tensor"
)

// oneDNN calls dnnl_sgemm, which is row-major, takes 'N' or 'T' and 64-bit
// extents, and returns 0 on success. Its threads are those of OpenMP, whose
// number belongs to the calling thread.
func oneDNN(threads int) (*Library, error) {
	s, err := load("libdnnl.so.3", "libdnnl.so.2", "libdnnl.so", "libdnnl.dylib")
	if err != nil {
		return nil, err
	}
	var (
		sgemm func(ta, tb byte, m, n, k int64, alpha float32, a *float32, lda int64, b *float32, ldb int64,
			beta float32, c *float32, ldc int64) int32
		version    func() *struct{ Major, Minor, Patch int32 }
		setThreads func(n int32)
		getThreads func() int32
	)
	if err := s.bind(map[string]any{
		"dnnl_sgemm": &sgemm, "dnnl_version": &version,
		"omp_set_num_threads": &setThreads, "omp_get_max_threads": &getThreads,
	}); err != nil {
		return nil, err
	}
	transpose := func(t tensor.Transpose) byte {
		if t {
			return 'T'
		}
		return 'N'
	}
	l := &Library{Name: "onednn", run: newThread().do}
	l.Run(func() {
		setThreads(int32(threads))
		v := version()
		l.Threads, l.Version = int(getThreads()), fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	})
	l.gemm = func(ta, tb tensor.Transpose, alpha float32, a, b tensor.Matrix, beta float32, c tensor.Matrix) {
		m, n, k := dims(ta, tb, a, b, c)
		status := sgemm(transpose(ta), transpose(tb), int64(m), int64(n), int64(k), alpha, &a.Data[0], int64(a.Stride),
			&b.Data[0], int64(b.Stride), beta, &c.Data[0], int64(c.Stride))
		if status != 0 {
			panic(fmt.Sprintf("blas: dnnl_sgemm returns %d", status))
		}
	}
	return l, nil
}

package tensor

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// benchmarkShapes are the products of a training step: the 130M model at 2048
// tokens, and the small model of the quick experiment.
var benchmarkShapes = []struct{ m, n, k int }{
	{2048, 768, 768}, {2048, 2048, 768}, {2048, 768, 2048},
	{2048, 128, 128}, {2048, 352, 128}, {2048, 128, 352}, {1024, 2048, 128},
}

// BenchmarkGemm reports GFLOP/s and the share of the register-only peak,
// measured right before. RANKLAB_ISA and RANKLAB_THREADS select the device.
func BenchmarkGemm(b *testing.B) {
	isa := Auto
	if name := os.Getenv("RANKLAB_ISA"); name != "" {
		var err error
		if isa, err = ParseISA(name); err != nil {
			b.Fatal(err)
		}
	}
	var threads int
	fmt.Sscan(os.Getenv("RANKLAB_THREADS"), &threads)
	d := NewDevice(Options{Threads: threads, ISA: isa})
	defer d.Close()
	for _, s := range benchmarkShapes {
		for _, t := range []struct {
			name    string
			ta, tb  Transpose
			m, n, k int
		}{
			{"NT", N, T, s.m, s.n, s.k}, // forward: x·Wᵀ
			{"NN", N, N, s.m, s.k, s.n}, // dX = dY·W
			{"TN", T, N, s.n, s.k, s.m}, // dW = dYᵀ·x
		} {
			x, y, c := operands(t.ta, t.tb, t.m, t.n, t.k)
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s.m, s.n, s.k, t.name), func(b *testing.B) {
				peak := d.MeasurePeak(20 * time.Millisecond)
				for range 3 {
					d.Gemm(t.ta, t.tb, 1, x, y, 0, c)
				}
				b.ReportAllocs()
				for b.Loop() {
					d.Gemm(t.ta, t.tb, 1, x, y, 0, c)
				}
				flops := 2 * float64(t.m) * float64(t.n) * float64(t.k) * float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(flops/1e9, "GFLOP/s")
				b.ReportMetric(100*flops/peak, "%peak")
			})
		}
	}
}

// operands returns matrices of small numbers for a product.
func operands(ta, tb Transpose, m, n, k int) (a, b, c Matrix) {
	fill := func(rows, cols int) Matrix {
		x := Of(make([]float32, rows*cols), rows, cols)
		for i := range x.Data {
			x.Data[i] = float32(i%17) - 8
		}
		return x
	}
	a, b, c = fill(m, k), fill(k, n), fill(m, n)
	if ta {
		a = fill(k, m)
	}
	if tb {
		b = fill(n, k)
	}
	return a, b, c
}

package blas

import (
	"math"
	"runtime"
	"testing"

	"ranklab/internal/random"
	"ranklab/tensor"
)

// TestLibraries compares every library that this machine has with our product:
// all three ways of transposing, strides, alpha and beta.
func TestLibraries(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{})
	defer d.Close()
	key := random.New(3)
	// A view of a wider matrix, so that a stride that is mistaken for a width shows.
	matrix := func(name string, rows, cols int) tensor.Matrix {
		wide := tensor.Of(make([]float32, rows*(cols+3)), rows, cols+3)
		d.FillNormal(wide, 1, key.Tensor(name))
		return tensor.Cols(wide, 1, cols+1)
	}
	for _, name := range Names() {
		l, err := Open(name, runtime.GOMAXPROCS(0))
		if err != nil {
			t.Log(err)
			continue
		}
		t.Log(l)
		for _, way := range []struct{ ta, tb tensor.Transpose }{{tensor.N, tensor.N}, {tensor.N, tensor.T}, {tensor.T, tensor.N}} {
			for _, f := range []struct{ alpha, beta float32 }{{1, 0}, {0.75, 0}, {-1.5, 0.25}} {
				const m, n, k = 37, 65, 43
				a, b := matrix("a", m, k), matrix("b", k, n)
				if way.ta {
					a = matrix("a", k, m)
				}
				if way.tb {
					b = matrix("b", n, k)
				}
				got, want := matrix("c", m, n), matrix("c", m, n)
				l.Run(func() { l.Gemm(way.ta, way.tb, f.alpha, a, b, f.beta, got) })
				d.Gemm(way.ta, way.tb, f.alpha, a, b, f.beta, want)
				for i := range m {
					for j := range n {
						g, w := got.Data[i*got.Stride+j], want.Data[i*want.Stride+j]
						if math.Abs(float64(g-w)) > 1e-4 {
							t.Fatalf("%s %v %v: element (%d, %d) is %v, want %v", name, way, f, i, j, g, w)
						}
					}
				}
			}
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	if _, err := Open("mkl", 1); err == nil {
		t.Error("an unknown library opens")
	}
}

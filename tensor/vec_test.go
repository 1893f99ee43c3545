package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// testRows returns rows of all lengths about the vector widths, in turn of usual
// values, of values over the whole range, and with special ones.
func testRows() [][]float32 {
	r := rand.New(rand.NewPCG(5, 6))
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		expLow, expHigh, math.Nextafter32(expLow, -100), math.Nextafter32(expHigh, 100), math.MaxFloat32, 1e-40, -1e-40}
	var rows [][]float32
	for n := 1; n < 70; n++ {
		for kind := range 3 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64() * 4)
				switch {
				case kind == 1:
					x[i] = math.Float32frombits(r.Uint32())
				case kind == 2 && r.IntN(4) == 0:
					x[i] = special[r.IntN(len(special))]
				}
			}
			rows = append(rows, x)
		}
	}
	return rows
}

// TestRowKernels compares the kernels with the Go functions, bit by bit.
func TestRowKernels(t *testing.T) {
	for _, isa := range Supported() {
		for _, x := range testRows() {
			y := slices.Clone(x)
			slices.Reverse(y)
			check := func(what string, got, want float32) {
				t.Helper()
				if !sameBits(got, want) {
					t.Fatalf("%s on %v of %v: %x, want %x", what, isa, x, got, want)
				}
			}
			check("sum", isa.sum(x), sum(x))
			check("dot", isa.dot(x, y), dot(x, y))
			check("largest", isa.largest(x), largest(x)+0)
			for _, f := range []struct{ a, b float32 }{{1, 0}, {-1, 0}, {1, -3.7}, {0.3, 80}} {
				got, want := append(slices.Clone(x), 7), slices.Clone(x)
				isa.exps(got[:len(x)], got[:len(x)], f.a, f.b)
				exps(want, want, f.a, f.b)
				for i := range want {
					check(fmt.Sprintf("element %d of exps(%g, %g)", i, f.a, f.b), got[i], want[i])
				}
				check("exps: what follows", got[len(x)], 7)
			}
		}
	}
}

func TestRowKernelsEmpty(t *testing.T) {
	for _, isa := range Supported() {
		isa.exps(nil, nil, 1, 0)
		if s, d := isa.sum(nil), isa.dot(nil, nil); s != 0 || d != 0 {
			t.Errorf("%v: sum %v, dot %v of nothing", isa, s, d)
		}
	}
}

func BenchmarkRowKernels(b *testing.B) {
	x, y := make([]float32, 2048), make([]float32, 2048)
	for i := range x {
		x[i] = float32(i%100) / 10
	}
	for _, isa := range Supported() {
		for name, f := range map[string]func(){
			"exps":    func() { isa.exps(y, x, 1, -10) },
			"sum":     func() { isa.sum(x) },
			"dot":     func() { isa.dot(x, y) },
			"largest": func() { isa.largest(x) },
		} {
			b.Run(fmt.Sprint(name, "/", isa), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/value")
			})
		}
	}
}

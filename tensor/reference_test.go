package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"ranklab/internal/random"
)

// drawn returns a rows × cols matrix of N(0, 1) values inside a wider one, so
// that it is strided; the padding is NaN.
func drawn(name string, rows, cols int) Matrix {
	key := random.New(3).Tensor(name)
	m := Matrix{Rows: rows, Cols: cols, Stride: cols + 3, Data: make([]float32, rows*(cols+3))}
	for i := range m.Data {
		m.Data[i] = float32(math.NaN())
	}
	for i := range rows {
		for j := range cols {
			m.Data[i*m.Stride+j] = float32(key.Normal(uint64(i*cols + j)))
		}
	}
	return m
}

// packed returns a dense copy.
func packed(m Matrix) Matrix {
	p := Of(make([]float32, m.Rows*m.Cols), m.Rows, m.Cols)
	for i := range m.Rows {
		copy(row(p, i), row(m, i))
	}
	return p
}

// wide returns the elements of m in float64, in row-major order.
func wide(m Matrix) []float64 {
	var x []float64
	for i := range m.Rows {
		for _, v := range row(m, i) {
			x = append(x, float64(v))
		}
	}
	return x
}

// near fails unless got is want within a share of want's largest element.
func near(t *testing.T, name string, got Matrix, want []float64, tolerance float64) {
	t.Helper()
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(v))
	}
	x := wide(got)
	if len(x) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(x), len(want))
	}
	for i := range x {
		if !(math.Abs(x[i]-want[i]) <= tolerance*size) {
			t.Errorf("%s[%d] = %v, want %v (largest %v)", name, i, x[i], want[i], size)
			return
		}
	}
}

// slopes differentiates the weighted sum Σ w·f(x) by x with central
// differences. f reads x and returns the values of an operation.
func slopes(x, w []float64, f func() []float64) []float64 {
	const h = 1e-5
	weighted := func() float64 {
		s := 0.0
		for i, v := range f() {
			s += w[i] * v
		}
		return s
	}
	g := make([]float64, len(x))
	for i, v := range x {
		x[i] = v + h
		up := weighted()
		x[i] = v - h
		g[i] = (up - weighted()) / (2 * h)
		x[i] = v
	}
	return g
}

// onThreads runs f on devices of 1, 2, 3 and 7 threads and fails unless all
// return the same bits.
func onThreads(t *testing.T, f func(d *Device) []Matrix) {
	t.Helper()
	var want [][]uint32
	for _, threads := range []int{1, 2, 3, 7} {
		d := newDevice(t, Auto, threads)
		var got [][]uint32
		for _, m := range f(d) {
			var bits []uint32
			for i := range m.Rows {
				for _, v := range row(m, i) {
					bits = append(bits, math.Float32bits(v))
				}
			}
			got = append(got, bits)
		}
		if want == nil {
			want = got
		}
		for i := range got {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("result %d differs between 1 and %d threads", i, threads)
			}
		}
	}
}

// mustPanic fails unless f panics.
func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", name)
		}
	}()
	f()
}

func shapes(f func(rows, cols int, name string)) {
	for _, s := range [][2]int{{1, 1}, {3, 16}, {5, 37}, {1, 40000}, {300, 130}} {
		f(s[0], s[1], fmt.Sprintf("%d×%d", s[0], s[1]))
	}
}

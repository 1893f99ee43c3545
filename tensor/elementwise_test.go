package tensor

import (
	"math"
	"testing"

	"ranklab/internal/random"
)

func TestElementwise(t *testing.T) {
	d := newDevice(t, Auto, 3)
	key := random.New(1)
	for _, op := range []struct {
		name string
		run  func(x, y Matrix)                    // writes y
		want func(x, y float64, i uint64) float64 // of element i
	}{
		{"Axpy", func(x, y Matrix) { d.Axpy(0.75, x, y) }, func(x, y float64, _ uint64) float64 { return y + 0.75*x }},
		{"Add", func(x, y Matrix) { d.Add(y, x) }, func(x, y float64, _ uint64) float64 { return x + y }},
		{"Mul", func(x, y Matrix) { d.Mul(y, x) }, func(x, y float64, _ uint64) float64 { return x * y }},
		{"Copy", func(x, y Matrix) { d.Copy(y, x) }, func(x, _ float64, _ uint64) float64 { return x }},
		{"Scale", func(_, y Matrix) { d.Scale(-3, y) }, func(_, y float64, _ uint64) float64 { return -3 * y }},
		{"Fill", func(_, y Matrix) { d.Fill(y, 2.5) }, func(_, _ float64, _ uint64) float64 { return 2.5 }},
		{"Zero", func(_, y Matrix) { d.Zero(y) }, func(_, _ float64, _ uint64) float64 { return 0 }},
		{"FillNormal", func(_, y Matrix) { d.FillNormal(y, 0.02, key) }, func(_, _ float64, i uint64) float64 { return 0.02 * key.Normal(i) }},
		{"FillUniform", func(_, y Matrix) { d.FillUniform(y, 0.3, key) }, func(_, _ float64, i uint64) float64 {
			return 0.3 * (2*float64(key.Float32(i)) - 1)
		}},
	} {
		shapes(func(rows, cols int, shape string) {
			for _, strided := range []bool{true, false} {
				x, y := drawn("x", rows, cols), drawn("y", rows, cols)
				if !strided {
					x, y = packed(x), packed(y)
				}
				before := wide(y)
				want := wide(x)
				for i := range want {
					want[i] = op.want(want[i], before[i], uint64(i))
				}
				op.run(x, y)
				near(t, op.name+" "+shape, y, want, 1e-6)
				for i := 0; strided && i < rows; i++ {
					if pad := y.Data[i*y.Stride+cols]; pad == pad {
						t.Errorf("%s %s wrote outside the matrix", op.name, shape)
					}
				}
			}
		})
	}
	mustPanic(t, "shapes", func() { d.Add(drawn("x", 2, 3), drawn("y", 3, 2)) })
}

func TestFinite(t *testing.T) {
	d := newDevice(t, Auto, 2)
	x := drawn("x", 300, 130)
	if !d.Finite(x) {
		t.Error("padding was read")
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x.Data[299*x.Stride+129] = float32(v)
		if d.Finite(x) || d.Finite(packed(x)) {
			t.Errorf("%v is not noticed", v)
		}
	}
}

func TestSums(t *testing.T) {
	shapes(func(rows, cols int, shape string) {
		x, y := drawn("x", rows, cols), drawn("y", rows, cols)
		var want, norm, size float64
		a, b := wide(x), wide(y)
		for i := range a {
			want += a[i] * b[i]
			norm += a[i] * a[i]
			size += math.Abs(a[i] * b[i])
		}
		d := newDevice(t, Auto, 3)
		if got := d.Dot(x, y); math.Abs(got-want) > 1e-12*size {
			t.Errorf("%s: Dot %v, want %v", shape, got, want)
		}
		square := d.SumSquares(x)
		if math.Abs(square-norm) > 1e-12*norm {
			t.Errorf("%s: SumSquares %v, want %v", shape, square, norm)
		}
		if got := d.SumSquares(packed(x)); got != square {
			t.Errorf("%s: the stride changes SumSquares", shape)
		}
		for _, threads := range []int{1, 2, 7} {
			if got := newDevice(t, Auto, threads).SumSquares(x); got != square {
				t.Errorf("%s: %d threads change SumSquares", shape, threads)
			}
		}
	})
	d := newDevice(t, Auto, 1)
	if got := d.SumSquares(Matrix{}); got != 0 {
		t.Errorf("SumSquares of nothing is %v", got)
	}
}

// The order of a row's sum is 16 lanes joined by halving.
func TestLaneOrder(t *testing.T) {
	for n := range 70 {
		x, y := wide(drawn("x", 1, max(1, n))), wide(drawn("y", 1, max(1, n)))
		var s, p, w [16]float32
		var a, b []float32
		for i := range n {
			a, b = append(a, float32(x[i])), append(b, float32(y[i]))
			s[i%16] += a[i]
			p[i%16] = fma32(a[i], b[i], p[i%16])
			w[i%16] = fma32(a[i]*b[i], a[i], w[i%16])
		}
		join := func(v [16]float32) float32 {
			eight := func(i int) float32 { return v[i] + v[i+8] }
			four := func(i int) float32 { return eight(i) + eight(i+4) }
			two := func(i int) float32 { return four(i) + four(i+2) }
			return two(0) + two(1)
		}
		if sum(a) != join(s) || dot(a, b) != join(p) || dot3(a, b, a) != join(w) {
			t.Errorf("%d elements: another order", n)
		}
	}
}

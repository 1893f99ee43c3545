package tensor

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// k equal singular values have effective and stable rank k; of σ = 2, 1 both are
// known in closed form. The matrix may be wide, tall or square.
func TestSpectrum(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	w := NewSVD(memory.New(), "w", 16, 24, 0)
	for _, shape := range [][2]int{{16, 24}, {24, 16}, {16, 16}} {
		spectrum := func(values ...float32) Spectrum {
			g := newMatrix(shape[0], shape[1])
			for i, v := range values {
				g.Data[i*g.Stride+i] = v
			}
			s, ok := d.Spectrum(w, g, 1)
			if !ok {
				t.Fatal("no spectrum")
			}
			return s
		}
		same := func(what string, got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 1e-12*want {
				t.Errorf("%v: %s is %v, want %v", shape, what, got, want)
			}
		}
		for _, k := range []int{1, 3, 16} {
			values := make([]float32, k)
			for i := range values {
				values[i] = -0.3
			}
			s := spectrum(values...)
			same("effective rank", s.Effective, float64(k))
			same("stable rank", s.Stable, float64(k))
			same("captured", s.Captured, 1/float64(k))
		}
		s := spectrum(1, 2)
		same("effective rank", s.Effective, 3/math.Pow(2, 2./3))
		same("stable rank", s.Stable, 1.25)
		same("captured", s.Captured, 0.8)
	}
	for _, bad := range []float32{0, float32(math.NaN()), float32(math.Inf(1))} {
		g := newMatrix(3, 4)
		g.Data[5] = bad
		if s, ok := d.Spectrum(w, g, 1); ok {
			t.Errorf("%v has the spectrum %+v", bad, s)
		}
	}
}

// Ranks of a matrix without structure agree with gonum's singular values, and
// have the same bits on any number of threads.
func TestSpectrumOfAnyMatrix(t *testing.T) {
	g := newMatrix(40, 28)
	var want Spectrum
	for threads := 1; threads <= 3; threads++ {
		d := NewDevice(Options{Threads: threads})
		d.FillNormal(g, 1, random.New(4))
		s, ok := d.Spectrum(NewSVD(memory.New(), "w", 28, 40, 0), g, 7)
		d.Close()
		if !ok {
			t.Fatal("no spectrum")
		}
		if threads > 1 && s != want {
			t.Errorf("%d threads: %+v, want %+v", threads, s, want)
		}
		want = s
	}
	var svd mat.SVD
	svd.Factorize(widened(g), mat.SVDNone)
	values := svd.Values(nil)
	var sum, squares, top, entropy float64
	for i, v := range values {
		sum, squares = sum+v, squares+v*v
		if i < 7 {
			top += v * v
		}
	}
	for _, v := range values {
		entropy -= v / sum * math.Log(v/sum)
	}
	for _, c := range [][2]float64{{want.Effective, math.Exp(entropy)}, {want.Stable, squares / values[0] / values[0]}, {want.Captured, top / squares}} {
		if math.Abs(c[0]-c[1]) > 1e-10*c[1] {
			t.Errorf("%+v: %v, want %v", want, c[0], c[1])
		}
	}
}

func TestDeparture(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	p := newMatrix(6, 2)
	p.Data[0], p.Data[3] = 1, 1 // unit columns 0 and 1
	if got := d.Departure(p, newMatrix(2, 2), true); got != 0 {
		t.Errorf("orthonormal columns depart by %v", got)
	}
	p.Data[3] = 2
	if got := d.Departure(p, newMatrix(2, 2), true); got != 3 {
		t.Errorf("a column of length 2 departs by %v, want 3", got)
	}
	if got := d.Departure(Of(p.Data, 2, 6), newMatrix(2, 2), false); math.Abs(got-math.Sqrt(16+1)) > 1e-12 { // rows (1, 0, 0, 2, 0, 0) and 0
		t.Errorf("rows depart by %v", got)
	}
}

func TestNonFinite(t *testing.T) {
	d := NewDevice(Options{Threads: 3})
	defer d.Close()
	x := newMatrix(200, 300)
	if n := d.NonFinite(x); n != 0 {
		t.Errorf("%d of zeros", n)
	}
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32} {
		x.Data[i*17001] = float32(v)
	}
	if n := d.NonFinite(x); n != 3 {
		t.Errorf("%d, want 3", n)
	}
}

// A basis that is orthonormal comes out as it is; any other as orthonormal rows
// with the same span.
func TestOrthonormal(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	const r, n = 5, 40
	w := NewSpan(memory.New(), "w", r, n, r*n)
	draw := newMatrix(r, n)
	d.FillNormal(draw, 3, random.New(1))
	x, again := newMatrix(r, n), newMatrix(r, n)
	if !d.Orthonormal(w, x, draw, false) {
		t.Fatal("no basis")
	}
	if off := d.Departure(x, newMatrix(r, r), false); off > 1e-5 {
		t.Errorf("departure %v", off)
	}
	// What the rows of draw have outside the span of x is nothing.
	inside, rest := newMatrix(r, r), newMatrix(r, n)
	d.Copy(rest, draw)
	d.Gemm(N, T, 1, draw, x, 0, inside)
	d.Gemm(N, N, -1, inside, x, 1, rest)
	if out := math.Sqrt(d.SumSquares(rest) / d.SumSquares(draw)); out > 1e-5 {
		t.Errorf("%v of the basis is outside", out)
	}
	columns := newMatrix(n, r)
	d.transpose(columns, x)
	if !d.Orthonormal(w, again, columns, true) || d.Dot(again, x) != d.SumSquares(x) {
		t.Error("an orthonormal basis changed")
	}
	draw.Data[3] = float32(math.NaN())
	if d.Orthonormal(w, x, draw, false) {
		t.Error("a basis that is not finite")
	}
}

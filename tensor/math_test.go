package tensor

import (
	"math"
	"math/big"
	"testing"
)

func TestExps(t *testing.T) {
	var worst float64
	x, y := make([]float32, 1), make([]float32, 1)
	for v := -44.0; v <= 44; v += 0.0013 {
		x[0] = float32(v)
		exps(y, x, 1, 0)
		want := math.Exp(float64(x[0]))
		worst = max(worst, math.Abs(float64(y[0])/want-1))
	}
	if worst > 0x1p-23 {
		t.Errorf("relative error %g", worst)
	}
	t.Logf("relative error %.3g", worst)

	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x = []float32{0, 1, -1, -44.01, -1000, -inf, 44.01, 1000, inf, nan}
	y = make([]float32, len(x))
	exps(y, x, -1, 0)
	for i, want := range []float32{1, 0.36787945, 2.7182817, inf, inf, inf, 0, 0, 0, nan} {
		if y[i] != want && !(want != want && y[i] != y[i]) && math.Abs(float64(y[i]/want-1)) > 0x1p-23 {
			t.Errorf("exp(-%v) = %v, want %v", x[i], y[i], want)
		}
	}
	exps(x, x, 2, 1) // in place, with shift
	if x[0] < 2.718281 || x[0] > 2.718283 || x[3] != 0 || x[9] == x[9] {
		t.Errorf("exp(2x+1) in place: %v", x)
	}
}

func TestFloat64Functions(t *testing.T) {
	check := func(name string, x, got, want, scale float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 4e-16*scale) {
			t.Errorf("%s(%v) = %v, want %v", name, x, got, want)
		}
	}
	for i := range 20000 {
		x := float64(i-10000) * 0.0371
		check("exp", x, exp64(x), math.Exp(x), 2*math.Exp(x))
		s, c := sincos64(x * 11)
		check("sin", x*11, s, math.Sin(x*11), 1)
		check("cos", x*11, c, math.Cos(x*11), 1)
		if y := math.Exp(x); i != 10000 {
			check("log", y, log64(y), math.Log(y), max(1, math.Abs(math.Log(y))))
		}
	}
	if !math.IsInf(log64(0), -1) || !math.IsNaN(log64(math.NaN())) || !math.IsInf(log64(math.Inf(1)), 1) || !math.IsNaN(log64(-1)) {
		t.Error("log64 of 0, NaN, +Inf, -1")
	}
	if log64(1) != 0 || exp64(0) != 1 {
		t.Error("log64(1), exp64(0)")
	}
}

// Integer powers against exact arithmetic: the bias corrections of a long run
// need the last digits of β^t.
func TestPow(t *testing.T) {
	for _, x := range []float64{0.5, 0.9, 0.95, 0.999, 0.9999, 1.0625, 3, 1e-3} {
		exact := big.NewFloat(1).SetPrec(400)
		base := new(big.Float).SetPrec(400).SetFloat64(x)
		for n := 1; n <= 3000; n++ {
			exact.Mul(exact, base)
			want, _ := exact.Float64()
			if want < 1e-300 || want > 1e300 {
				break
			}
			if got := Pow(x, float64(n)); math.Abs(got/want-1) > 5e-16 {
				t.Fatalf("%v^%d = %v, want %v", x, n, got, want)
			}
		}
	}
	for i := range 2000 {
		x, y := 0.01+float64(i)*0.37, -2+float64(i%17)/4
		if got, want := Pow(x, y), math.Pow(x, y); math.Abs(got/want-1) > 1e-15 {
			t.Errorf("%v^%v = %v, want %v", x, y, got, want)
		}
	}
	for _, c := range [][3]float64{{0, 2, 0}, {0, 0, 1}, {7, 0, 1}, {1, 1e300, 1}, {0.5, 1e4, 0}, {2, 1e4, math.Inf(1)}, {0, -1, math.Inf(1)}, {4, 0.5, 2}, {9, -1, 1. / 9}} {
		if got := Pow(c[0], c[1]); got != c[2] {
			t.Errorf("%v^%v = %v, want %v", c[0], c[1], got, c[2])
		}
	}
	for _, c := range [][2]float64{{-1, 2}, {math.NaN(), 2}, {2, math.NaN()}, {math.Inf(1), 1}} {
		if got := Pow(c[0], c[1]); !math.IsNaN(got) {
			t.Errorf("%v^%v = %v, want NaN", c[0], c[1], got)
		}
	}
}

// The exported functions on their whole ranges.
func TestExported(t *testing.T) {
	for x := -744.0; x < 709.7; x += 0.917 {
		if got, want := Exp(x), math.Exp(x); math.Abs(got-want) > 1e-15*want+0x1p-1074 {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	inf := math.Inf(1)
	if Exp(-inf) != 0 || Exp(inf) != inf || Exp(710) != inf || Exp(-746) != 0 || Exp(math.NaN()) == Exp(0) || Exp(0) != 1 {
		t.Error("exp at the ends")
	}
	for _, x := range []float64{0x1p-1022, 1e-300, 0.5, 0.999, 1.001, 7, 1e300} {
		if got, want := Log(x), math.Log(x); math.Abs(got-want) > 4e-16*math.Abs(want) {
			t.Errorf("log(%v) = %v, want %v", x, got, want)
		}
	}
	// Subnormal numbers, which math.Log of some machines gets wrong.
	if got := Log(0x1p-1074); math.Abs(got+1074*math.Ln2) > 1e-12 {
		t.Errorf("log(2^-1074) = %v", got)
	}
	if !math.IsInf(Log(0), -1) || !math.IsNaN(Log(-1)) || Log(1) != 0 {
		t.Error("log of 0, -1, 1")
	}
	for i := range 1001 {
		x := math.Pi * float64(i) / 1000
		if got, want := Cos(x), math.Cos(x); math.Abs(got-want) > 2e-16 {
			t.Errorf("cos(%v) = %v, want %v", x, got, want)
		}
	}
	if Cos(0) != 1 || Cos(math.Pi) != -1 {
		t.Error("cos of 0 and π")
	}
}

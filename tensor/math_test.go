package tensor

import (
	"math"
	"testing"
)

func TestExps(t *testing.T) {
	var worst float64
	x, y := make([]float32, 1), make([]float32, 1)
	for v := -87.0; v <= 88; v += 0.0013 {
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
	x = []float32{0, 1, -1, -89, -1000, -inf, 89, 1000, inf, nan}
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

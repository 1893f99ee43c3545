package stats

import (
	"math"
	"testing"
)

// The example of Welch's test in the documentation of R's t.test: sleep,
// extra by group. There: t = -1.8608, df = 17.776, interval -3.3655 … 0.2055.
func TestWelch(t *testing.T) {
	a := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}
	b := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	m := Welch(a, b)
	for _, c := range []struct{ got, want float64 }{{m.Value, -1.58}, {m.Lo, -3.365483}, {m.Hi, 0.205483}} {
		if math.Abs(c.got-c.want) > 1e-5 {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	if other := Welch(b, a); other.Lo != -m.Hi || other.Value != -m.Value {
		t.Errorf("the other way round: %+v", other)
	}
	if m := Welch([]float64{1, 1}, []float64{3, 3, 3}); m.Lo != -2 || m.Hi != -2 || m.N != 2 {
		t.Errorf("without noise: %+v", m)
	}
	if m := Welch([]float64{1}, []float64{3, 4}); m.Value != -2.5 || m.HasInterval() || m.Warning == "" {
		t.Errorf("one value: %+v", m)
	}
	if m := Welch(nil, []float64{3}); !math.IsNaN(m.Value) || m.N != 0 {
		t.Errorf("no value: %+v", m)
	}
}

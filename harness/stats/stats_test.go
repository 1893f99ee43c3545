package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) && math.IsNaN(want) {
		return
	}
	if !(math.Abs(got-want) <= 1e-4*math.Max(1, math.Abs(want))) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// The t quantiles are those of any printed table: 12.706, 4.303, 3.182.
func TestIntervalAgainstTables(t *testing.T) {
	for df, want := range map[int]float64{1: 12.7062, 2: 4.30265, 3: 3.18245, 10: 2.22814} {
		near(t, "t quantile", quantile(df), want)
	}
	m := Of([]float64{24, 26, 25})
	near(t, "mean", m.Value, 25)
	near(t, "sd", m.SD, 1)
	near(t, "half", m.Half(), 4.30265/math.Sqrt(3))
	if m.Warning != "" || !m.HasInterval() {
		t.Errorf("3 values: %+v", m)
	}
}

func TestTooFewValuesWarn(t *testing.T) {
	one := Of([]float64{3})
	if one.Value != 3 || one.HasInterval() || one.Warning != "1 seed: no interval" || !math.IsNaN(one.Lo) {
		t.Errorf("one value: %+v", one)
	}
	if none := Of(nil); !math.IsNaN(none.Value) || none.Warning != "no values" {
		t.Errorf("no values: %+v", none)
	}
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 2, 8).Draw(t, "values")
		m := Of(values)
		if !(m.Lo <= m.Value && m.Value <= m.Hi) {
			t.Fatalf("interval [%v, %v] does not hold the mean %v", m.Lo, m.Hi, m.Value)
		}
		shuffled := rapid.Permutation(values).Draw(t, "shuffled")
		if Of(shuffled) != m {
			t.Fatalf("the mean depends on the order of values")
		}
	})
}

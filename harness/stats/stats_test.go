package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-4*math.Max(1, math.Abs(want)) {
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

// Fisher's sleep data as used by Student (1908): mean difference 1.58, t = 4.0621, p = 0.002833.
func TestPairedAgainstStudent(t *testing.T) {
	first := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	second := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	a, b := map[int]float64{}, map[int]float64{}
	for i := range first {
		a[i], b[i] = first[i], second[i]
	}
	d := Paired(a, b)
	near(t, "mean", d.Value, 1.58)
	near(t, "p", d.P, 0.002833)
	near(t, "lo", d.Lo, 0.7001142)
	near(t, "hi", d.Hi, 2.4598858)
	if !d.Significant || d.Warning != "" {
		t.Errorf("difference %+v", d)
	}
}

func TestPairedUsesSharedSeedsOnly(t *testing.T) {
	d := Paired(map[int]float64{0: 1, 1: 2, 7: 100}, map[int]float64{0: 2, 1: 3, 8: -100})
	if d.N != 2 || d.Value != 1 || len(d.Unpaired) != 2 || d.Warning != "2 unpaired seeds left out" {
		t.Errorf("difference %+v", d)
	}
	if d.P != 0 || !d.Significant {
		t.Errorf("equal differences of 1: p = %v, significant %v", d.P, d.Significant)
	}
	if d := Paired(map[int]float64{0: 1}, map[int]float64{0: 4, 1: 0}); d.Warning != "1 seed: no interval; 1 unpaired seed left out" || d.Value != 3 || !math.IsNaN(d.P) || d.Significant {
		t.Errorf("one shared seed: %+v", d)
	}
	if d := Paired(map[int]float64{0: 1, 1: 1}, map[int]float64{0: 1, 1: 1}); d.P != 1 || d.Significant {
		t.Errorf("no difference: %+v", d)
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
		a, b := map[int]float64{}, map[int]float64{}
		for i, v := range values {
			a[i], b[i] = v, v*v/1e6
		}
		ab, ba := Paired(a, b), Paired(b, a)
		if ab.Value != -ba.Value && !(math.Abs(ab.Value+ba.Value) < 1e-9*(1+math.Abs(ab.Value))) || math.Abs(ab.P-ba.P) > 1e-9 {
			t.Fatalf("swapping sides: %+v and %+v", ab, ba)
		}
		if (ab.P < 1-Confidence) != ab.Significant && math.Abs(ab.P-(1-Confidence)) > 1e-9 {
			t.Fatalf("p = %v but significant = %v", ab.P, ab.Significant)
		}
	})
}

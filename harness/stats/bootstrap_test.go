package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// scipy.stats.bootstrap(values, np.mean, method="BCa", n_resamples=2_000_000) of
// scipy 1.17.1; ours has 9,999 resamples, whose ends vary by a few hundredths.
func TestBCaAgainstScipy(t *testing.T) {
	a, b := sleep()
	lo, hi := BCa(differences(a, b))
	if !(math.Abs(lo+2.64) <= 0.06 && math.Abs(hi+1.05) <= 0.03) {
		t.Errorf("sleep: [%v, %v], want [-2.64, -1.05]", lo, hi)
	}
	lo, hi = BCa([]float64{0.1, 0.2, 0.2, 0.4, 0.5, 0.9, 1.3, 2.2, 4.0}) // skewed: not symmetric about 1.09
	if !(math.Abs(lo-0.511) <= 0.03 && math.Abs(hi-2.256) <= 0.06) {
		t.Errorf("skewed: [%v, %v], want [0.511, 2.256]", lo, hi)
	}
}

func TestBCaProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-10, 10), 3, 10).Draw(t, "values")
		lo, hi := BCa(values)
		if !(lo <= hi) {
			t.Fatalf("[%v, %v]", lo, hi)
		}
		lo2, hi2 := BCa(rapid.Permutation(values).Draw(t, "shuffled"))
		if lo2 != lo || hi2 != hi {
			t.Fatal("the interval depends on the order of values")
		}
		moved := make([]float64, len(values))
		for i, v := range values {
			moved[i] = 4*v + 32
		}
		lo2, hi2 = BCa(moved)
		equal(t, "moved low", lo2, 4*lo+32, 100)
		equal(t, "moved high", hi2, 4*hi+32, 100)
	})
}

func TestBCaOfFewValues(t *testing.T) {
	if lo, hi := BCa([]float64{2, 2, 2}); lo != 2 || hi != 2 {
		t.Errorf("[%v, %v]", lo, hi)
	}
	if lo, hi := BCa([]float64{2}); !math.IsNaN(lo) || !math.IsNaN(hi) {
		t.Errorf("[%v, %v]", lo, hi)
	}
}

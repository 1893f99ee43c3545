package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

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

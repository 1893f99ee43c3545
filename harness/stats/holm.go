package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts the p values of a family of m tests so that the chance of one
// false difference among all of them stays below the level: the k-th smallest
// is multiplied by m−k+1, and none is smaller than one before it. A test that
// was not made is NaN and does not count.
//
// Source: S. Holm, A simple sequentially rejective multiple test procedure,
// Scandinavian Journal of Statistics 6 (1979).
func Holm(p []float64) []float64 {
	adjusted := slices.Repeat([]float64{math.NaN()}, len(p))
	var order []int
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, k int) int { return cmp.Compare(p[i], p[k]) })
	floor := 0.0
	for k, i := range order {
		floor = max(floor, min(1, float64(len(order)-k)*p[i]))
		adjusted[i] = floor
	}
	return adjusted
}

// AdjustHolm sets Holm of the differences of one family, and returns how many
// there are.
func AdjustHolm(family []*Difference) (tests int) {
	p := make([]float64, len(family))
	for i, d := range family {
		p[i] = d.P
		if d.Compared() {
			tests++
		}
	}
	for i, v := range Holm(p) {
		family[i].Holm = v
	}
	return tests
}

package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Welch returns the difference mean(a) − mean(b) of two independent samples with
// its t interval for unequal variances (Welch 1947): s² = sa²/na + sb²/nb, with
// s⁴ / ((sa²/na)²/(na−1) + (sb²/nb)²/(nb−1)) degrees of freedom. N is the size of
// the smaller sample; there is an interval when it is at least 2. SD is s.
func Welch(a, b []float64) Mean {
	m := Mean{N: min(len(a), len(b)), Value: math.NaN(), SD: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	if m.N == 0 {
		m.Warning = "no values"
		return m
	}
	// In ascending order, as in Of.
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	m.Value = stat.Mean(a, nil) - stat.Mean(b, nil)
	if m.N == 1 {
		m.Warning = "1 seed: no interval"
		return m
	}
	va, vb := stat.Variance(a, nil)/float64(len(a)), stat.Variance(b, nil)/float64(len(b))
	m.SD = math.Sqrt(va + vb)
	half := 0.0
	if m.SD > 0 {
		df := (va + vb) * (va + vb) / (va*va/float64(len(a)-1) + vb*vb/float64(len(b)-1))
		half = m.SD * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile((1+Confidence)/2)
	}
	m.Lo, m.Hi = m.Value-half, m.Value+half
	return m
}

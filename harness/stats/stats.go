// Package stats turns the results of a few seeds into means, intervals and
// comparisons. A comparison takes what runs share through their seed out of the
// noise: seeds are the blocks of a randomised block design, methods its
// treatments. What a reader must know about a number beside the number itself
// comes back as a warning, as data.
//
// Missing values are NaN. Nothing depends on the order of runs, of seeds or of
// methods, and nothing is random: the bootstrap draws from a keyed generator.
package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Confidence is the level of every interval.
const Confidence = 0.95

// A Mean is the mean of independent values, one per seed.
type Mean struct {
	N      int
	Value  float64
	SD     float64 // sample standard deviation; NaN when N < 2
	Lo, Hi float64 // t interval of the mean; NaN when N < 2
	// Warning says why there is no interval: "no values", "1 seed: no interval".
	Warning string
}

// HasInterval reports whether Lo and Hi are numbers.
func (m Mean) HasInterval() bool { return m.N >= 2 }

// Half returns half the width of the interval: the number behind ±.
func (m Mean) Half() float64 { return (m.Hi - m.Lo) / 2 }

// Of returns the mean of values with its two-sided t interval,
// mean ± t(N−1) · SD/√N. Values are finite; diverged runs are the caller's to
// count and leave out.
func Of(values []float64) Mean {
	m := Mean{N: len(values), Value: math.NaN(), SD: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	switch m.N {
	case 0:
		m.Warning = "no values"
		return m
	case 1:
		m.Value = values[0]
		m.Warning = "1 seed: no interval"
		return m
	}
	// In ascending order, so that the sum does not depend on the order of runs.
	m.Value, m.SD = stat.MeanStdDev(slices.Sorted(slices.Values(values)), nil)
	half := quantile(m.N-1) * m.SD / math.Sqrt(float64(m.N))
	m.Lo, m.Hi = m.Value-half, m.Value+half
	return m
}

// quantile returns the two-sided Student t quantile for df degrees of freedom.
func quantile(df int) float64 {
	return studentQuantile((1+Confidence)/2, float64(df))
}

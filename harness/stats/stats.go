// Package stats turns the results of a few seeds into means, intervals and
// paired differences. What a reader must know about a number beside the number
// itself comes back as a warning, as data.
package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
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
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(df)}.Quantile((1 + Confidence) / 2)
}

// A Difference compares two treatments over the seeds they share. A seed fixes
// initialisation and data order for both, so that differences pair.
type Difference struct {
	Mean                // of the second minus the first
	P           float64 // two-sided paired t test; NaN when N < 2
	Unpaired    []int   // seeds that only one side has
	Significant bool    // the interval excludes 0
}

// Paired returns the mean of b − a over the seeds that both have.
func Paired(a, b map[int]float64) Difference {
	var d Difference
	var deltas []float64
	for _, seed := range seeds(a, b) {
		x, inA := a[seed]
		y, inB := b[seed]
		if inA && inB {
			deltas = append(deltas, y-x)
		} else {
			d.Unpaired = append(d.Unpaired, seed)
		}
	}
	d.Mean, d.P = Of(deltas), math.NaN()
	if d.N >= 2 {
		d.P = 1
		if d.SD > 0 {
			t := math.Abs(d.Value) / (d.SD / math.Sqrt(float64(d.N)))
			d.P = 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(d.N - 1)}.Survival(t)
		} else if d.Value != 0 {
			d.P = 0
		}
		d.Significant = d.Lo > 0 || d.Hi < 0
	}
	if n := len(d.Unpaired); n > 0 {
		only := fmt.Sprintf("%d unpaired seeds left out", n)
		if n == 1 {
			only = "1 unpaired seed left out"
		}
		if d.Warning != "" {
			only = d.Warning + "; " + only
		}
		d.Warning = only
	}
	return d
}

func seeds(sides ...map[int]float64) []int {
	var all []int
	for _, side := range sides {
		for seed := range side {
			all = append(all, seed)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

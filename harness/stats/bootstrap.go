package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"ranklab/internal/random"
)

// resamples is the number of means a bootstrap interval is read from.
const resamples = 9999

// BCa returns the bootstrap interval of the mean of values, bias-corrected and
// accelerated: percentiles of the means of resamples, shifted for the share z₀
// of means below the one observed and for the skewness a of the values,
//
//	α' = Φ(z₀ + (z₀ + z_α) / (1 − a (z₀ + z_α)))
//
// The resamples are drawn from a key of their own out of the sorted values: the
// interval is a function of the set of values.
//
// Source: B. Efron, Better Bootstrap Confidence Intervals, JASA 82 (1987).
func BCa(values []float64) (lo, hi float64) {
	values = present(values)
	n := len(values)
	if n < 2 {
		return math.NaN(), math.NaN()
	}
	mean := stat.Mean(values, nil)
	if values[0] == values[n-1] {
		return mean, mean
	}
	key := random.New(0).Stream("bootstrap")
	means := make([]float64, resamples)
	rounding := 1e-12 * (values[n-1] - values[0]) // a resample may have the mean of the values
	below := 0.0
	for r := range means {
		sum := 0.0
		for i := range n {
			sum += values[key.Below(uint64(r*n+i), n)]
		}
		means[r] = sum / float64(n)
		switch d := means[r] - mean; {
		case math.Abs(d) <= rounding:
			below += 0.5
		case d < 0:
			below++
		}
	}
	slices.Sort(means)
	bias := distuv.UnitNormal.Quantile(below / resamples)
	// The acceleration of a mean: a sixth of the skewness of its jackknife values.
	var squares, cubes float64
	for _, v := range values {
		d := v - mean
		squares += d * d
		cubes += d * d * d
	}
	acceleration := cubes / (6 * math.Pow(squares, 1.5))
	at := func(alpha float64) float64 {
		z := bias + distuv.UnitNormal.Quantile(alpha)
		return percentile(means, distuv.UnitNormal.CDF(bias+z/(1-acceleration*z)))
	}
	return at(Alpha / 2), at(1 - Alpha/2)
}

// percentile interpolates between sorted values: the k-th of them is the
// k/(len+1) quantile.
func percentile(sorted []float64, p float64) float64 {
	at := p*float64(len(sorted)+1) - 1
	if at <= 0 {
		return sorted[0]
	}
	if at >= float64(len(sorted)-1) {
		return sorted[len(sorted)-1]
	}
	i := int(at)
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

package bench

import (
	"math"
	"slices"
	"time"
)

// A Spread is a quantity that was measured several times.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Runs   int     `json:"runs"`
}

// spread orders measurements. None give the zero Spread.
func spread(xs []float64) Spread {
	if len(xs) == 0 {
		return Spread{}
	}
	xs = slices.Sorted(slices.Values(xs))
	n := len(xs)
	return Spread{Median: (xs[(n-1)/2] + xs[n/2]) / 2, Min: xs[0], Max: xs[n-1], Runs: n}
}

// geometricMean returns the n-th root of the product of n positive numbers; 0
// of none.
func geometricMean(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	var sum float64
	for _, x := range xs {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(xs)))
}

// A sample is one run: its seconds per call, and the limit measured closest
// before it, in operations or bytes per second.
type sample struct{ seconds, limit float64 }

// each maps samples to numbers.
func each(samples []sample, f func(sample) float64) []float64 {
	xs := make([]float64, len(samples))
	for i, s := range samples {
		xs[i] = f(s)
	}
	return xs
}

// ratios divides the numbers of a by those of b, round by round; the rounds
// that one of them lacks are left out.
func ratios(a, b []float64) []float64 {
	var rs []float64
	for i := range min(len(a), len(b)) {
		rs = append(rs, a[i]/b[i])
	}
	return rs
}

// secondsOf calls f once, which warms it up, and then as often as fills the
// floor, and returns the seconds of one call.
func secondsOf(f func(), floor time.Duration) float64 {
	calls := 1
	if once := timeOf(f); once < floor {
		calls = int(floor/max(once, 1)) + 1
	}
	return timeOf(func() {
		for range calls {
			f()
		}
	}).Seconds() / float64(calls)
}

func timeOf(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

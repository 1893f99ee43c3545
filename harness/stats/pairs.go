package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// MinPairs is the number of seeds from which on a difference is judged by its
// own pairs: enough degrees of freedom to do without the assumption that all
// treatments scatter alike, and enough values for a bootstrap.
const MinPairs = 8

// Paired compares two treatments by the differences within blocks, a[j] − b[j]:
// Student's paired t test, with one degree of freedom less than there are pairs.
// From [MinPairs] pairs on it also has a bootstrap interval. Missing values are
// NaN; a block that one of the two lacks is left out.
func Paired(a, b []float64) Difference {
	d := paired(a, b)
	if d.N >= MinPairs {
		d.BCaLo, d.BCaHi = BCa(differences(a, b))
		if excludes(d.BCaLo, d.BCaHi) != (d.P < Alpha) {
			d.Warnings = append(d.Warnings, Warning{Bootstrap, "the bootstrap interval decides otherwise than the t test of this row alone"})
		}
	}
	return d
}

// paired is Paired without the bootstrap.
func paired(a, b []float64) Difference {
	values := differences(a, b)
	n := len(values)
	if n < 2 {
		return none(TooFewSeeds(n))
	}
	mean, sd := stat.MeanStdDev(values, nil)
	d := newDifference(ByPairs, n, mean, sd/math.Sqrt(float64(n)), float64(n-1))
	if identical(a, b) {
		return d.same()
	}
	return d
}

// differences returns a[j] − b[j] of the blocks that both have, in ascending
// order, so that no sum depends on the order of seeds.
func differences(a, b []float64) []float64 {
	var list []float64
	for j := range min(len(a), len(b)) {
		list = append(list, a[j]-b[j])
	}
	return present(list)
}

func excludes(lo, hi float64) bool { return lo > 0 || hi < 0 }

// Welch compares two samples that do not pair, of unequal variances: Welch's t
// test with the degrees of freedom of Satterthwaite.
//
// Source: B. L. Welch, Biometrika 34 (1947).
func Welch(a, b []float64) Difference {
	a, b = present(a), present(b)
	if n := min(len(a), len(b)); n < 2 {
		return none(TooFewSeeds(n))
	}
	ma, va := stat.MeanVariance(a, nil)
	mb, vb := stat.MeanVariance(b, nil)
	na, nb := float64(len(a)), float64(len(b))
	va, vb = va/na, vb/nb
	df := (va + vb) * (va + vb) / (va*va/(na-1) + vb*vb/(nb-1))
	if va+vb == 0 { // 0/0
		df = na + nb - 2
	}
	return newDifference(ByWelch, min(len(a), len(b)), ma-mb, math.Sqrt(va+vb), df)
}

// present returns the values that are not missing, in ascending order.
func present(values []float64) []float64 {
	list := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(list)
	return list
}

package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Alpha is the level of every decision: what a p value has to be below.
const Alpha = 1 - Confidence

// MinSeeds is the fewest seeds of which anything is compared. Two leave one
// degree of freedom, whose quantile is 12.7: an interval that says nothing.
const MinSeeds = 3

// A Design is the way in which two treatments were compared.
type Design string

// Designs.
const (
	ByBlocks Design = "blocks" // seeds as blocks, the error pooled over all treatments
	ByPairs  Design = "paired" // a paired t test of its own for each difference
	ByWelch  Design = "welch"  // two samples whose seeds do not pair
)

// A Difference is how far one treatment lies from another.
type Difference struct {
	Design   Design  // "" where nothing was compared; Warnings say why
	N        int     // seeds that both have; of samples that do not pair, the fewer
	Estimate float64 // NaN where nothing was compared, as all numbers below
	SE       float64 // its standard error
	DF       float64 // degrees of freedom of SE
	Lo, Hi   float64 // t interval of Estimate
	P        float64 // two-sided, that there is no difference
	Holm     float64 // P adjusted for the whole family; see [AdjustHolm]
	// BCaLo and BCaHi are the bootstrap interval of a paired difference, which
	// assumes no normal distribution; NaN in other designs.
	BCaLo, BCaHi float64
	// Identical says that both have the same value in every seed they share.
	Identical bool
	Warnings  []Warning
}

// none is a difference that was not estimated.
func none(why ...Warning) Difference {
	nan := math.NaN()
	return Difference{Estimate: nan, SE: nan, DF: nan, Lo: nan, Hi: nan, P: nan, Holm: nan, BCaLo: nan, BCaHi: nan, Warnings: why}
}

// NoDifference is a difference that was not estimated, and why.
func NoDifference(why ...Warning) Difference { return none(why...) }

// newDifference makes interval and p value from an estimate and its standard
// error: estimate ± t(1−α/2, df) · se.
func newDifference(design Design, n int, estimate, se, df float64) Difference {
	d := none()
	d.Design, d.N, d.Estimate, d.SE, d.DF = design, n, estimate, se, df
	half := studentQuantile((1+Confidence)/2, df) * se
	d.Lo, d.Hi = estimate-half, estimate+half
	switch {
	case math.IsNaN(se) || math.IsNaN(estimate): // nothing is known
	case se > 0:
		d.P = 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.CDF(-math.Abs(estimate)/se)
	case estimate == 0:
		d.P = 1
	default: // no noise at all: any difference is one
		d.P = 0
	}
	d.Holm = d.P
	return d
}

// same marks two treatments with equal values in every seed they share. The
// noise of others has nothing to say about them.
func (d Difference) same() Difference {
	half := (d.Hi - d.Lo) / 2
	d.Identical, d.Estimate, d.P, d.Holm = true, 0, 1, 1
	d.Lo, d.Hi = 0-half, half // never -0
	return d
}

// Compared reports whether there is an estimate.
func (d Difference) Compared() bool { return d.Design != "" }

// A Verdict is what a difference comes to.
type Verdict string

// Verdicts.
const (
	NotCompared Verdict = ""        //
	Same        Verdict = "same"    // identical in every seed
	Unclear     Verdict = "unclear" // cannot be told apart: "~"
	Higher      Verdict = "higher"
	Lower       Verdict = "lower"
)

// Verdict decides at the level [Alpha], by the adjusted p value. That two
// treatments cannot be told apart does not make them equal: the interval says
// how far apart they may be.
func (d Difference) Verdict() Verdict {
	switch {
	case !d.Compared():
		return NotCompared
	case d.Identical:
		return Same
	case !(d.Holm < Alpha):
		return Unclear
	case d.Estimate > 0:
		return Higher
	}
	return Lower
}

// studentQuantile returns the p-quantile of Student's t with df degrees of
// freedom; NaN where there are none.
func studentQuantile(p, df float64) float64 {
	if !(df > 0) {
		return math.NaN()
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
}

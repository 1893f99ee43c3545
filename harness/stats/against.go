package stats

import "math"

// An Analysis compares treatments with one of them.
type Analysis struct {
	Base        int
	Differences []Difference // from the base, one per treatment; that of the base itself was not compared
	Design      Design       // of the differences that pair; "" if there is none
	Treatments  int          // that add to the noise: of two seeds or more
	Seeds       int          // blocks in which the base has one
	DF          float64      // of the differences that pair, the fewest
	Noise       Noise        // of the additive model
	Warnings    []Warning    // of the whole
	// UnevenAt is the treatment that scatters more than the others, -1 if none.
	UnevenAt int
}

// Against compares each row of values[treatment][block] with row base. Missing
// values are NaN. The design follows from the data, the same for all rows that
// share seeds with the base: with [MinPairs] seeds or more each difference has
// a paired t test of its own; with fewer the error is pooled over all
// treatments, a block design; a row with other seeds than the base is compared
// by Welch's test, and one of fewer than [MinSeeds] seeds is not compared.
// Adjusting for the number of rows is left to the caller, who knows the family.
func Against(values [][]float64, base int) Analysis {
	b := FitBlocks(values)
	a := Analysis{Base: base, Noise: b.Noise(), UnevenAt: -1, DF: math.NaN()}
	count := make([]int, len(values))
	pairs := math.MaxInt
	for i, row := range values {
		count[i] = len(present(row))
		if count[i] > 1 {
			a.Treatments++
		}
		if n := b.Shared(i, base); i != base && n >= MinSeeds {
			pairs = min(pairs, n)
		}
	}
	a.Seeds = count[base]
	if pairs < math.MaxInt {
		a.Design = ByBlocks
		if pairs >= MinPairs {
			a.Design = ByPairs
		}
	}
	for i := range values {
		d := none()
		switch n := min(count[i], count[base]); {
		case i == base:
		case n < MinSeeds:
			d = none(TooFewSeeds(n))
		case b.Shared(i, base) < MinSeeds:
			d = Welch(values[i], values[base])
			d.Warnings = append(d.Warnings, Warning{NotPaired, "the seeds are not those of the baseline: compared as two samples (Welch)"})
		case a.Design == ByPairs:
			d = Paired(values[i], values[base])
		default:
			d = b.Difference(i, base)
		}
		if d.Design != "" && d.Design == a.Design && !(a.DF <= d.DF) {
			a.DF = d.DF
		}
		a.Differences = append(a.Differences, d)
	}
	if a.Design == ByBlocks {
		if i, p := b.Uneven(); p < Alpha {
			a.UnevenAt = i
		}
	}
	return a
}

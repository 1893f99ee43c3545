package stats

import "math"

// An Analysis compares treatments with one of them.
type Analysis struct {
	Base        int
	Differences []Difference // from the base, one per treatment; that of the base itself was not compared
	Twin        []int        // of each treatment the one that it equals in every cell, itself if there is none
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
// A row that equals another in every cell is the same measurement: it adds
// nothing to the noise and gets the other's result. Adjusting for the number of
// rows is left to the caller, who knows the family.
func Against(values [][]float64, base int) Analysis {
	twin := twins(values, base)
	b := FitBlocks(once(values, twin))
	a := Analysis{Base: base, Twin: twin, Noise: b.Noise(), UnevenAt: -1, DF: math.NaN()}
	count := make([]int, len(values))
	pairs := math.MaxInt
	for i, row := range values {
		count[i] = len(present(row))
		if count[i] > 1 && twin[i] == i {
			a.Treatments++
		}
		if n := len(differences(row, values[base])); i != base && n >= MinSeeds {
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
		case len(differences(values[i], values[base])) < MinSeeds:
			d = Welch(values[i], values[base])
			d.Warnings = append(d.Warnings, Warning{NotPaired, "the seeds are not those of the baseline: compared as two samples (Welch)"})
		case a.Design == ByPairs:
			d = Paired(values[i], values[base])
		case twin[i] == base:
			d = newDifference(ByBlocks, n, 0, b.Sigma*math.Sqrt(2/float64(n)), float64(b.DF)).same()
		default:
			d = b.Difference(twin[i], base)
		}
		if d.Design != "" && d.Design == a.Design && !(a.DF <= d.DF) {
			a.DF = d.DF
		}
		a.Differences = append(a.Differences, d)
	}
	if a.Design == ByBlocks && b.DF < 1 { // nothing but twins
		a.DF = math.NaN()
	}
	if a.Design == ByBlocks {
		if i, p := b.Uneven(); p < Alpha {
			a.UnevenAt = i
		}
	}
	return a
}

// twins gives each row the first one that equals it in every cell, the base
// before all others; itself if there is none.
func twins(values [][]float64, base int) []int {
	twin := make([]int, len(values))
	for i, row := range values {
		twin[i] = i
		if i == base {
			continue
		}
		if equalRows(row, values[base]) {
			twin[i] = base
			continue
		}
		for k := range i {
			if twin[k] == k && equalRows(row, values[k]) {
				twin[i] = k
				break
			}
		}
	}
	return twin
}

// equalRows reports whether two rows have values, and the same in every cell.
func equalRows(a, b []float64) bool {
	some := false
	for j := range max(len(a), len(b)) {
		x, y := at(a, j), at(b, j)
		if x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
			return false
		}
		some = some || !math.IsNaN(x)
	}
	return some
}

func at(row []float64, j int) float64 {
	if j < len(row) {
		return row[j]
	}
	return math.NaN()
}

// Distinct empties the rows that equal an earlier one: they are the same
// measurement.
func Distinct(values [][]float64) [][]float64 { return once(values, twins(values, 0)) }

// once empties the rows that equal another.
func once(values [][]float64, twin []int) [][]float64 {
	rows := make([][]float64, len(values))
	for i, row := range values {
		if twin[i] == i {
			rows[i] = row
		}
	}
	return rows
}

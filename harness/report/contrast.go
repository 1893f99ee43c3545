package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/harness/view"
)

// A compared column has its differences from the baseline beside it:
//
//	baseline                    what the others are compared with
//	+1.1 % ± 0.7 (p=0.004)      the change, its 95 % interval, the adjusted p
//	~ (p=0.31)                  cannot be told apart
//	=                           the same value in every seed
//	–                           not compared; a footnote says why

// beside inserts behind each compared column of a line of cells the cell that
// fill makes from the comparison and its number.
func beside(g view.Grid, cells []string, fill func(view.Comparison, int) string) []string {
	if len(g.Comparisons) == 0 {
		return cells
	}
	var out []string
	for i, cell := range cells {
		out = append(out, cell)
		if k := comparisonOf(g, g.Columns[i]); k >= 0 {
			out = append(out, fill(g.Comparisons[k], k))
		}
	}
	return out
}

// comparisonOf returns the number of the comparison of a column, or -1.
func comparisonOf(g view.Grid, c view.Column) int {
	return slices.IndexFunc(g.Comparisons, func(k view.Comparison) bool { return k.Column.Name == c.Name })
}

func contrastHeader(c view.Comparison, _ int) string {
	return "Δ vs\u00a0" + c.Baseline + " ±\u00a095\u00a0%"
}

// contrastText is the cell of comparison k in a row.
func contrastText(c view.Comparison, k int, r view.GridRow) string {
	if k >= len(r.Contrasts) { // an n-gram model
		return nothing
	}
	d := r.Contrasts[k]
	if d.Baseline {
		return "baseline"
	}
	p := " (" + pValue(d.Holm) + seedsOf(c, d) + ")"
	switch d.Verdict() {
	case stats.NotCompared:
		return nothing
	case stats.Same:
		return "="
	case stats.Unclear:
		return "~" + p
	}
	half, unit := (c.Scaled(d.Hi)-c.Scaled(d.Lo))/2, ""
	if c.Ratio {
		unit = "\u00a0%"
	}
	digits := halfDigits(half)
	return signed(c.Scaled(d.Estimate), digits) + unit + " ± " + strconv.FormatFloat(half, 'f', digits, 64) + p
}

// seedsOf tells the number of seeds where it is not that of the whole design.
func seedsOf(c view.Comparison, d view.Contrast) string {
	if d.Design != stats.ByWelch && slices.ContainsFunc(c.Designs, func(s view.RowDesign) bool { return s.Baseline == d.Against && s.Seeds == d.N }) {
		return ""
	}
	return fmt.Sprintf(", n=%d", d.N)
}

// halfDigits returns the digits behind the point that show half an interval with
// two significant ones, and at least one.
func halfDigits(half float64) int {
	if !(half > 0) || math.IsInf(half, 0) {
		return 1
	}
	return min(max(1, 1-int(math.Floor(math.Log10(half)))), 8)
}

// signed writes a change: +1.1, −0.4.
func signed(v float64, digits int) string {
	sign := "+"
	if v < 0 {
		sign = "−"
	}
	return sign + strconv.FormatFloat(math.Abs(v), 'f', digits, 64)
}

// pValue writes a p value with two significant digits.
func pValue(p float64) string {
	if p < 0.001 {
		return "p<0.001"
	}
	return "p=" + strconv.FormatFloat(p, 'g', 2, 64)
}

// comparisonNotes says how the rows were compared, and how well it could be seen.
func comparisonNotes(g view.Grid) []string {
	var notes []string
	for k, c := range g.Comparisons {
		what := ""
		if len(g.Comparisons) > 1 {
			what = " of " + c.Column.Header
		}
		if c.Tests > 0 {
			notes = append(notes, "Δ: change"+what+" from "+c.Baseline+designText(c)+adjustedText(c)+marksText(g, k))
		}
		if text := noiseText(c); text != "" {
			notes = append(notes, "noise"+what+": "+text)
		}
		for _, w := range c.Warnings {
			notes = append(notes, w.Text)
		}
	}
	return notes
}

// designText describes the designs of a comparison: "over the same 3 seeds, error
// pooled over 5 rows (8 df)".
func designText(c view.Comparison) string {
	var seeds, rows, df []float64
	paired := false
	for _, d := range c.Designs {
		if !(d.DF > 0) { // nothing pairs, or all rows are equal
			continue
		}
		paired = paired || d.Design == stats.ByPairs
		seeds, rows, df = append(seeds, float64(d.Seeds)), append(rows, float64(d.Treatments)), append(df, d.DF)
	}
	switch {
	case len(seeds) == 0:
		return ""
	case paired:
		return fmt.Sprintf(" over the same %s seeds (paired t, %s df)", span(seeds), span(df))
	}
	return fmt.Sprintf(" over the same %s seeds, error pooled over %s rows (%s df)", span(seeds), span(rows), span(df))
}

func adjustedText(c view.Comparison) string {
	if c.Tests < 2 {
		return ""
	}
	return fmt.Sprintf("; p adjusted for %d rows (Holm)", c.Tests)
}

// marksText explains the marks that the column has.
func marksText(g view.Grid, k int) string {
	text := ""
	has := func(v stats.Verdict) bool {
		return slices.ContainsFunc(g.Rows, func(r view.GridRow) bool { return k < len(r.Contrasts) && r.Contrasts[k].Verdict() == v })
	}
	if has(stats.Unclear) {
		text += fmt.Sprintf("; ~: cannot be told apart (p ≥ %.2g)", stats.Alpha)
	}
	if has(stats.Same) {
		text += "; =: the same in every seed"
	}
	return text
}

// noiseText tells the noise floor and the least difference that is found: "σ = 0.8 %;
// a change of 2.4 % would be found 4 times out of 5".
func noiseText(c view.Comparison) string {
	var sigma, found []float64
	for _, d := range c.Designs {
		if !(d.DF > 0) || !(d.Noise.Sigma > 0) || math.IsNaN(d.Detectable) {
			continue
		}
		sigma, found = append(sigma, c.Scaled(d.Noise.Sigma)), append(found, c.Scaled(d.Detectable))
	}
	if len(sigma) == 0 {
		return ""
	}
	unit := ""
	if c.Ratio {
		unit = "\u00a0%"
	}
	return fmt.Sprintf("σ = %s%s; a change of %s%s would be found 4 times out of 5 (before adjusting)", span(sigma), unit, span(found), unit)
}

// span writes a number, or the smallest and largest of several.
func span(values []float64) string {
	write := func(v float64) string {
		if v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'f', halfDigits(v), 64)
	}
	lo, hi := write(slices.Min(values)), write(slices.Max(values))
	if lo == hi {
		return lo
	}
	return lo + "–" + hi
}

// diffName is the name of a difference in CSV: percent for what is compared by
// its logarithm.
func diffName(c view.Comparison) string {
	if c.Ratio {
		return c.Column.Name + "_diff_percent"
	}
	return c.Column.Name + "_diff"
}

// contrastColumns are the CSV columns behind one that is compared.
func contrastColumns(g view.Grid, column view.Column) []string {
	k := comparisonOf(g, column)
	if k < 0 {
		return nil
	}
	name, diff := column.Name, diffName(g.Comparisons[k])
	return []string{name + "_vs", diff, diff + "_low", diff + "_high", diff + "_bca_low", diff + "_bca_high", name + "_n", name + "_df", name + "_p", name + "_p_holm", name + "_verdict"}
}

// contrastFields are the CSV fields of contrastColumns, in full.
func contrastFields(g view.Grid, column view.Column, r view.GridRow) []string {
	k := comparisonOf(g, column)
	if k < 0 {
		return nil
	}
	fields := make([]string, len(contrastColumns(g, column)))
	if k >= len(r.Contrasts) {
		return fields
	}
	c, d := g.Comparisons[k], r.Contrasts[k]
	if d.Baseline {
		fields[len(fields)-1] = "baseline"
		return fields
	}
	fields[0] = d.Against
	if !d.Compared() {
		return fields
	}
	for i, v := range []float64{d.Estimate, d.Lo, d.Hi, d.BCaLo, d.BCaHi} {
		fields[1+i] = finite(c.Scaled(v))
	}
	fields[6], fields[7], fields[8], fields[9], fields[10] = strconv.Itoa(d.N), finite(d.DF), finite(d.P), finite(d.Holm), string(d.Verdict())
	return fields
}

func finite(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return view.Number(v)
}

// A contrastJSON is a difference as a program reads it.
type contrastJSON struct {
	Verdict  string          `json:"verdict"` // "baseline" | "higher" | "lower" | "unclear" | "same" | "" (not compared)
	Against  string          `json:"against,omitempty"`
	Diff     *record.Float   `json:"diff,omitempty"` // percent where the comparison's unit is "percent"
	CI95     []record.Float  `json:"ci95,omitempty"`
	BCa95    []record.Float  `json:"bca95,omitempty"`
	N        int             `json:"n,omitempty"`
	DF       record.Float    `json:"df,omitempty"`
	Design   stats.Design    `json:"design,omitempty"`
	P        *record.Float   `json:"p,omitempty"`
	Holm     *record.Float   `json:"p_holm,omitempty"`
	Warnings []stats.Warning `json:"warnings,omitempty"`
}

func contrastOf(c view.Comparison, d view.Contrast) contrastJSON {
	out := contrastJSON{Verdict: string(d.Verdict()), Warnings: d.Warnings}
	if d.Baseline {
		out.Verdict = "baseline"
		return out
	}
	out.Against = d.Against
	if !d.Compared() {
		return out
	}
	scaled := func(v float64) record.Float { return record.Float(c.Scaled(v)) }
	diff, p, holm := scaled(d.Estimate), record.Float(d.P), record.Float(d.Holm)
	out.Diff, out.P, out.Holm = &diff, &p, &holm
	out.CI95 = []record.Float{scaled(d.Lo), scaled(d.Hi)}
	if !math.IsNaN(d.BCaLo) {
		out.BCa95 = []record.Float{scaled(d.BCaLo), scaled(d.BCaHi)}
	}
	out.N, out.DF, out.Design = d.N, record.Float(d.DF), d.Design
	return out
}

// A comparisonJSON describes the comparisons of one column.
type comparisonJSON struct {
	Column   string          `json:"column"`
	Baseline string          `json:"baseline"`
	Unit     string          `json:"unit"` // of differences: "percent", or "" for that of the column
	Tests    int             `json:"holm_tests"`
	Designs  []designJSON    `json:"designs"`
	Warnings []stats.Warning `json:"warnings,omitempty"`
}

type designJSON struct {
	Baseline   string       `json:"baseline"`
	Design     stats.Design `json:"design"`
	Rows       int          `json:"rows"`
	Seeds      int          `json:"seeds"`
	DF         record.Float `json:"df"`
	Sigma      record.Float `json:"sigma"` // noise floor, in the unit of differences
	Detectable record.Float `json:"detectable"`
}

func comparisonsJSON(g view.Grid) []comparisonJSON {
	var list []comparisonJSON
	for _, c := range g.Comparisons {
		out := comparisonJSON{Column: c.Column.Name, Baseline: c.Baseline, Tests: c.Tests, Designs: []designJSON{}, Warnings: c.Warnings}
		if c.Ratio {
			out.Unit = "percent"
		}
		for _, d := range c.Designs {
			out.Designs = append(out.Designs, designJSON{
				Baseline: d.Baseline, Design: d.Design, Rows: d.Treatments, Seeds: d.Seeds, DF: record.Float(d.DF),
				Sigma: record.Float(c.Scaled(d.Noise.Sigma)), Detectable: record.Float(c.Scaled(d.Detectable)),
			})
		}
		list = append(list, out)
	}
	return list
}

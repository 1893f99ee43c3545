package view

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/harness/stats"
)

// A Comparison puts the rows of a table against a baseline row in one result,
// seeds being the blocks of a block design and rows its treatments (package
// stats). Where compare_to selects several rows, each other row is compared with
// the one that shares its values of the columns in which those differ: with
// rows = ["method", "steps"] and compare_to = { method = "adamw" }, galore at 400
// steps with adamw at 400 steps. Each baseline then has a design of its own, and
// p values are adjusted for all rows together.
type Comparison struct {
	Column   Column
	Baseline string // "adamw", "adamw of the same steps"
	// Ratio says that logarithms are compared: estimates and intervals are
	// differences of logarithms, shown as a change in percent.
	Ratio    bool
	Designs  []RowDesign
	Tests    int // p values that are adjusted for each other
	Warnings []stats.Warning
}

// A RowDesign is one baseline and the rows that are compared with it.
type RowDesign struct {
	Baseline   string // label of the row
	Design     stats.Design
	Treatments int
	Seeds      int
	DF         float64
	Noise      stats.Noise // in units of the column, or of its logarithm
	Detectable float64     // the least difference that is found 4 times out of 5, without adjustment; NaN if unknown
}

// A Contrast is the place of a row in a comparison.
type Contrast struct {
	stats.Difference
	Baseline bool   // it is what others are compared with
	Against  string // label of its baseline; "" if there is none
}

// Scaled brings a difference into the unit that it is shown in: percent where
// logarithms are compared.
func (c Comparison) Scaled(d float64) float64 {
	if c.Ratio {
		return 100 * math.Expm1(d)
	}
	return d
}

// CompareByDefault lists the results of which the first in a table is compared.
func CompareByDefault() []string { return []string{"ppl", "loss", "bits_per_byte"} }

// Comparable reports whether a column can be compared: a result that varies
// over seeds. Bytes that are exact have nothing to be tested.
func Comparable(c Column) bool {
	return c.Metric && !c.Exact && c.Kind != Plain && c.Kind != Count
}

// ratio reports whether a result is compared by its logarithm: perplexity, which
// is the exponential of a loss, and what a machine needs for the same work.
func ratio(c Column) bool {
	return strings.Contains(c.Name, "ppl") || c.Kind == Rate || c.Kind == Seconds || c.Kind == Bytes
}

// compared lists the columns that a table compares.
func (t Table) compared(columns []Column) ([]Column, error) {
	names := t.Compare
	if len(names) == 0 {
		for _, name := range CompareByDefault() {
			if slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name }) {
				names = []string{name}
				break
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("compare_to needs one of the columns %s, or compare = [\"COLUMN\"]", strings.Join(CompareByDefault(), ", "))
	}
	var list []Column
	for _, name := range names {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("compare names %q, which is not a column of the table", name)
		case !Comparable(columns[i]):
			return nil, fmt.Errorf("compare names %q, which is not a result that varies over seeds", name)
		case slices.Contains(list, columns[i]):
			return nil, fmt.Errorf("compare names %q twice", name)
		}
		list = append(list, columns[i])
	}
	return list, nil
}

// compare fills in the comparisons of a table whose rows are made of groups.
func (g *Grid) compare(groups []group, methods map[string]string, pending int) error {
	if len(g.Table.CompareTo) == 0 {
		if len(g.Table.Compare) > 0 {
			return errors.New("compare needs compare_to: what the rows are compared with")
		}
		return nil
	}
	columns, err := g.Table.compared(g.Columns)
	if err != nil {
		return err
	}
	b, err := matchBaselines(g.Table, groups, methods)
	if err != nil {
		if pending > 0 && onlyAbsent(err) {
			g.Note(Absent, err.Error())
			return nil
		}
		return err
	}
	for _, c := range columns {
		g.compareColumn(c, groups, b)
	}
	for i := range g.Rows {
		for _, w := range g.epochs(groups[i]) {
			g.Rows[i].warn(w)
		}
		for _, w := range g.hidden(groups, i, b.of[i]) {
			g.Rows[i].warn(w)
		}
	}
	return nil
}

// baselines says which group of a table each group is compared with.
type baselines struct {
	of    []int    // index of the baseline of a group, its own for a baseline, -1 if there is none
	label []string // of each group
	name  string   // of all baselines: "adamw of the same steps"
}

// all lists the baselines in order.
func (b baselines) all() []int {
	var list []int
	for i, base := range b.of {
		if base == i {
			list = append(list, i)
		}
	}
	return list
}

// matchBaselines finds the rows that compare_to selects and gives each other row
// one of them.
func matchBaselines(t Table, groups []group, methods map[string]string) (baselines, error) {
	b := baselines{of: slices.Repeat([]int{-1}, len(groups))}
	var rows []Row
	for _, g := range groups {
		b.label = append(b.label, g.label(methods))
		rows = append(rows, g.rows[0])
	}
	for _, name := range slices.Sorted(maps.Keys(t.CompareTo)) {
		if err := checkColumn(name, rows); err != nil {
			return b, fmt.Errorf("compare_to: %w", err)
		}
	}
	var bases []int
	for i, r := range rows {
		if matchesAll(r, t.CompareTo) {
			bases = append(bases, i)
			b.of[i] = i
		}
	}
	var wanted []string
	for _, name := range slices.Sorted(maps.Keys(t.CompareTo)) {
		wanted = append(wanted, name+" = "+Format(t.CompareTo[name]))
	}
	if len(bases) == 0 {
		return b, &AbsentError{"compare_to: no row of the table has " + strings.Join(wanted, " and ")}
	}
	// What tells the baselines apart tells which of them is a row's.
	var vary []string
	for k, c := range groups[0].columns {
		if slices.ContainsFunc(bases, func(i int) bool { return groups[i].key[k] != groups[bases[0]].key[k] }) {
			vary = append(vary, c)
		}
	}
	for i := range groups {
		for _, base := range bases {
			if b.of[i] < 0 && agree(groups[i], groups[base], vary) {
				b.of[i] = base
			}
		}
	}
	b.name = b.label[bases[0]]
	if len(bases) > 1 {
		fixed := group{rows: groups[bases[0]].rows}
		for _, c := range slices.Sorted(maps.Keys(t.CompareTo)) {
			fixed.columns, fixed.key = append(fixed.columns, c), append(fixed.key, fixed.rows[0].Value(c))
		}
		for k, c := range vary {
			vary[k] = strings.ReplaceAll(c, "_", " ")
		}
		b.name = fixed.label(methods) + " of the same " + strings.Join(vary, " and ")
	}
	return b, nil
}

// matchesAll reports whether a row has an accepted value in every column.
func matchesAll(r Row, where map[string]any) bool {
	for name, v := range where {
		if !slices.Contains(accepted(v), r.Value(name)) {
			return false
		}
	}
	return true
}

// agree reports whether two groups have the same values of some of their columns.
func agree(a, b group, columns []string) bool {
	for k, c := range a.columns {
		if slices.Contains(columns, c) && a.key[k] != b.key[k] {
			return false
		}
	}
	return true
}

// compareColumn compares one result of all rows.
func (g *Grid) compareColumn(c Column, groups []group, b baselines) {
	out := Comparison{Column: c, Baseline: b.name, Ratio: ratio(c)}
	contrasts := make([]Contrast, len(groups))
	twin := make([]int, len(groups))
	for i := range contrasts {
		contrasts[i] = Contrast{Difference: stats.NoDifference(), Baseline: b.of[i] == i}
		twin[i] = i
	}
	for _, base := range b.all() {
		var members []int // in the order of the table
		for i := range groups {
			if b.of[i] == base {
				members = append(members, i)
				contrasts[i].Against = b.label[base]
			}
		}
		for m, same := range out.add(g.Rows, groups, members, base, b, contrasts) {
			twin[members[m]] = members[same]
		}
	}
	var family []*stats.Difference // a row that equals another was measured once
	for i := range contrasts {
		if twin[i] == i {
			family = append(family, &contrasts[i].Difference)
		}
	}
	out.Tests = stats.AdjustHolm(family)
	for i, same := range twin {
		switch d := &contrasts[i].Difference; {
		case same == i:
		case contrasts[same].Baseline:
			d.Holm = d.P
		default:
			d.Holm = contrasts[same].Holm
		}
	}
	for i := range groups {
		for _, w := range contrasts[i].Warnings {
			g.Rows[i].warn(w)
		}
		g.Rows[i].Contrasts = append(g.Rows[i].Contrasts, contrasts[i])
	}
	without := 0
	for _, base := range b.of {
		if base < 0 {
			without++
		}
	}
	if without > 0 {
		out.Warnings = append(out.Warnings, stats.Warning{Kind: stats.Incomplete, Text: fmt.Sprintf("%d of %d rows have no %s to be compared with", without, len(groups), b.name)})
	}
	g.Comparisons = append(g.Comparisons, out)
}

// add compares the members, indices of groups, with one of them. It returns for
// each member the one that it equals in every cell, itself if there is none.
func (c *Comparison) add(rows []GridRow, groups []group, members []int, base int, b baselines, contrasts []Contrast) (twin []int) {
	var seeds []block
	for _, i := range members {
		for _, r := range groups[i].rows {
			if k := blockOf(r); !slices.ContainsFunc(seeds, func(s block) bool { return s.key == k.key }) {
				seeds = append(seeds, k)
			}
		}
	}
	values := make([][]float64, len(members))
	for m, i := range members {
		values[m] = slices.Repeat([]float64{missing}, len(seeds))
		if w := otherData(c.Column, groups[i], groups[base]); w != nil {
			contrasts[i].Difference = stats.NoDifference(*w)
			continue // no part of the noise, either
		}
		for _, r := range groups[i].rows {
			at := slices.IndexFunc(seeds, func(s block) bool { return s.key == blockOf(r).key })
			values[m][at] = c.value(r)
		}
	}
	at := slices.Index(members, base)
	a := stats.Against(values, at)
	if a.Seeds < stats.MinSeeds {
		contrasts[base].Warnings = append(contrasts[base].Warnings, stats.TooFewSeeds(a.Seeds))
	}
	for m, i := range members {
		d := a.Differences[m]
		if len(contrasts[i].Warnings) > 0 || i == base {
			continue
		}
		if w := leftOut(values[m], values[at], seeds); w != nil && d.Compared() && d.Design != stats.ByWelch {
			d.Warnings = append(d.Warnings, *w)
		}
		if m == a.UnevenAt {
			d.Warnings = append(d.Warnings, stats.Warning{Kind: stats.UnevenSpread, Text: "scatters more than the other rows: the pooled error is too small for it, and too large for the others"})
		}
		contrasts[i].Difference = d
	}
	if at == a.UnevenAt {
		c.Warnings = append(c.Warnings, stats.Warning{Kind: stats.UnevenSpread, Text: "the baseline " + b.label[base] + " scatters more than the other rows: the pooled error is too small for it"})
	}
	c.Designs = append(c.Designs, RowDesign{
		Baseline: b.label[base], Design: a.Design, Treatments: a.Treatments, Seeds: a.Seeds, DF: a.DF, Noise: a.Noise,
		Detectable: a.Detectable(),
	})
	return a.Twin
}

// value is what a run adds to the comparison; NaN if nothing: it diverged, or
// has no such result.
func (c *Comparison) value(r Row) float64 {
	if r.Diverged && c.Column.cutShort() {
		return missing
	}
	v, ok := r.Value(c.Column.Name).(float64)
	if !ok || math.IsInf(v, 0) || c.Ratio && v <= 0 {
		return missing
	}
	if c.Ratio {
		return math.Log(v)
	}
	return v
}

// A block is what the runs of one seed share: the streams of initialisation and
// of data order. Where a stream is fixed, the other tells seeds apart.
type block struct {
	key  [2]any
	name string
}

func blockOf(r Row) block {
	b := block{key: [2]any{r.Settings["seed.init"], r.Settings["seed.data"]}, name: Format(r.Seed)}
	if b.key[0] == nil && b.key[1] == nil {
		b.key[0] = float64(r.Seed)
	}
	return b
}

// leftOut says which seeds a row is compared over, when it lacks some of those
// of its baseline.
func leftOut(row, base []float64, seeds []block) *stats.Warning {
	var used []string
	lacks := false
	for j := range row {
		switch {
		case math.IsNaN(base[j]):
		case math.IsNaN(row[j]):
			lacks = true
		default:
			used = append(used, seeds[j].name)
		}
	}
	if !lacks {
		return nil
	}
	return &stats.Warning{Kind: stats.Incomplete, Text: "compared over seeds " + strings.Join(used, ", ") + " only"}
}

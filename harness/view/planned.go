package view

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"ranklab/harness/stats"
)

// A PlannedComparison is what a table is going to compare, before there are
// results: the largest of its designs.
type PlannedComparison struct {
	Table    string // id; "" where no table compares
	Column   Column // the first that is compared
	Baseline string // "" where no table compares
	Rows     int    // of the design
	Seeds    int
	Tests    int // rows that p values are adjusted for, in the whole table
	Like     Row // a run of the baseline, or the first run
}

// Ratio reports whether differences are of logarithms.
func (p PlannedComparison) Ratio() bool { return ratio(p.Column) }

// PlannedComparisons lists what the tables of an experiment are going to compare among planned
// runs. Without such a table it is what could be: all runs with each other, by
// perplexity. The error names each table that cannot be made.
func (d Declarations) PlannedComparisons(planned []Row) ([]PlannedComparison, error) {
	var list []PlannedComparison
	var errs []error
	for _, t := range d.Tables {
		if len(t.CompareTo) == 0 {
			continue
		}
		p, err := t.plan(planned)
		if err != nil {
			errs = append(errs, fmt.Errorf("table %q: %w", t.ID, err))
			continue
		}
		list = append(list, p)
	}
	if len(list) > 0 || len(errs) > 0 || len(planned) == 0 {
		return list, errors.Join(errs...)
	}
	seeds, configurations := map[block]bool{}, map[string]bool{}
	for _, r := range planned {
		seeds[blockOf(r)], configurations[r.sameButSeed()] = true, true
	}
	return []PlannedComparison{{Column: Describe("ppl"), Rows: len(configurations), Seeds: len(seeds), Tests: 1, Like: planned[0]}}, nil
}

func (t Table) plan(planned []Row) (PlannedComparison, error) {
	p := PlannedComparison{Table: t.ID}
	g := Grid{}
	columns := t.Columns
	if len(columns) == 0 {
		columns = DefaultColumns()
	}
	for _, name := range columns {
		g.Columns = append(g.Columns, Describe(name))
	}
	compared, err := t.compared(g.Columns)
	if err != nil {
		return p, err
	}
	rows, _, err := filter(planned, t.Where)
	if err != nil {
		return p, err
	}
	groups := tableGroups(rows, t.Rows)
	b, err := matchBaselines(t, groups, methodNames(planned))
	if err != nil {
		return p, err
	}
	p.Column, p.Baseline = compared[0], b.name
	for _, base := range b.all() {
		members, seeds := 0, map[block]bool{}
		for i, g := range groups {
			if b.of[i] == base {
				members++
			}
			if i == base {
				for _, r := range g.rows {
					seeds[blockOf(r)] = true
				}
			}
		}
		p.Tests += members - 1
		if members > p.Rows {
			p.Rows, p.Seeds, p.Like = members, len(seeds), groups[base].rows[0]
		}
	}
	return p, nil
}

// NoiseOf estimates the noise floor of a result from finished runs that are
// alike in all but method and seed; logarithms where it is compared by ratio.
// Paired takes out what runs of one seed share: right for the experiment that
// the runs are of, while another one's methods may share more than those to be
// compared.
func NoiseOf(rows []Row, column Column, paired bool) stats.Noise {
	c := Comparison{Column: column, Ratio: ratio(column)}
	var seeds []block
	values := map[string][]float64{}
	for _, r := range rows {
		v := c.value(r)
		k := blockOf(r)
		at := slices.IndexFunc(seeds, func(s block) bool { return s.key == k.key })
		if at < 0 {
			at = len(seeds)
			seeds = append(seeds, k)
		}
		key := r.sameButSeed()
		for len(values[key]) <= at {
			values[key] = append(values[key], missing)
		}
		values[key][at] = v
	}
	var table [][]float64
	for _, key := range slices.Sorted(maps.Keys(values)) {
		table = append(table, values[key])
	}
	table = stats.Distinct(table)
	if paired {
		return stats.FitBlocks(table).Noise()
	}
	return stats.Scatter(table)
}

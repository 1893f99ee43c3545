package view

import (
	"fmt"
	"math"
	"slices"

	"ranklab/harness/record"
	"ranklab/harness/stats"
)

// A Grid is the data of one table, ready to be printed.
type Grid struct {
	Table   Table
	Columns []Column
	Rows    []GridRow
	// Baselines are count-based models of the same data; they have a loss only.
	Baselines []GridRow
	// Comparisons are of the rows with a baseline row, one per compared column.
	Comparisons []Comparison
	// Notes hold for the whole table.
	Notes []stats.Warning
}

// A GridRow is one row of a table.
type GridRow struct {
	Label string // of a baseline
	Cells []Cell // one per column
	IDs   []string
	// Contrasts are the row's differences, one per comparison of the grid.
	Contrasts []Contrast
	// Notes hold for this row: "1 of 3 seeds diverged".
	Notes    []stats.Warning
	Diverged int
	Runs     int
}

// A Cell is a setting or the mean of a result.
type Cell struct {
	Setting any // plain value, when the column is a setting
	Text    string
	Mean    stats.Mean // when the column is a result
	Threads string     // of tokens_per_second, unless threads are a column: the threads it was measured with
}

// Missing reports whether the cell has nothing to show.
func (c Cell) Missing() bool { return c.Setting == nil && c.Mean.N == 0 }

// Tabulate evaluates a table over the finished rows of an experiment, of which
// pending runs have no result yet. Runs that differ only in the seed are
// averaged; a column that varies within a row of the table is an error of type
// [*HiddenDimensionError]. A where that selects no run is an error too, but only
// a note as long as runs are pending.
func Tabulate(t Table, rows []Row, pending int, baselines []record.Baseline) (Grid, error) {
	g, err := tabulate(t, rows, pending, baselines)
	if err != nil {
		return g, fmt.Errorf("table %q: %w", t.ID, err)
	}
	return g, nil
}

func tabulate(t Table, rows []Row, pending int, baselines []record.Baseline) (Grid, error) {
	if len(t.Rows) == 0 {
		t.Rows = []string{"method"}
	}
	if len(t.Columns) == 0 {
		t.Columns = DefaultColumns()
	}
	names := slices.Clone(t.Rows)
	for _, c := range t.Columns {
		if !slices.Contains(names, c) {
			names = append(names, c)
		}
	}
	g := Grid{Table: t}
	for _, name := range names {
		g.Columns = append(g.Columns, Describe(name))
	}
	methods := methodNames(rows)
	if len(rows) > 0 {
		for _, name := range names {
			// Not an error: in an unfinished sweep the runs that have it may
			// be missing.
			if err := checkColumn(name, rows); err != nil {
				g.Note(Absent, err.Error())
			}
		}
		selected, notes, err := filter(rows, t.Where)
		if pending > 0 && onlyAbsent(err) {
			notes, err = []string{err.Error()}, nil
		}
		if err != nil {
			return g, err
		}
		for _, note := range notes {
			g.Note(Absent, note)
		}
		if note := machineNote(g.Columns, selected); note != "" {
			g.Note(OtherMachine, note)
		}
		if note := busyNote(g.Columns, selected); note != "" {
			g.Note(BusyMachine, note)
		}
		groups := tableGroups(selected, t.Rows)
		for _, cell := range groups {
			row, err := g.row(cell, methods)
			if err != nil {
				return g, err
			}
			g.Rows = append(g.Rows, row)
		}
		if err := g.compare(groups, methods, pending); err != nil {
			return g, err
		}
	}
	if err := g.sort(); err != nil {
		return g, err
	}
	if t.Ngrams {
		g.addBaselines(baselines)
	}
	return g, nil
}

// tableGroups groups rows in the order of the experiment, not by value: a
// reader finds the runs where the experiment put them.
func tableGroups(rows []Row, columns []string) []group {
	groups := groupBy(rows, columns)
	first := func(g group) int {
		return slices.IndexFunc(rows, func(r Row) bool { return r.ID == g.rows[0].ID })
	}
	slices.SortStableFunc(groups, func(a, b group) int { return first(a) - first(b) })
	return groups
}

func (g *Grid) row(cell group, methods map[string]string) (GridRow, error) {
	if err := cell.checkHidden(); err != nil {
		return GridRow{}, err
	}
	row := GridRow{Runs: len(cell.rows)}
	for _, r := range cell.rows {
		row.IDs = append(row.IDs, shortID(r.ID))
		if r.Diverged {
			row.Diverged++
		}
	}
	if row.Diverged > 0 {
		row.note(Diverged, ofRuns(row.Diverged, row.Runs)+" diverged")
	}
	for _, r := range cell.rows {
		for _, w := range r.Warnings {
			row.warn(w)
		}
	}
	for _, c := range g.Columns {
		out, err := g.cell(c, cell, methods)
		if err != nil {
			return row, err
		}
		row.Cells = append(row.Cells, out)
		if c.Kind == Measure && out.Mean.N == 1 {
			row.note(stats.FewSeeds, out.Mean.Warning)
		}
	}
	return row, nil
}

func (g *Grid) cell(c Column, cell group, methods map[string]string) (Cell, error) {
	first := cell.rows[0]
	if !c.Metric {
		v := first.Value(c.Name)
		out := Cell{Setting: v, Text: Format(v)}
		switch c.Name {
		case "method":
			out.Text = methods[first.Method]
		case "seed":
			out = Cell{Setting: v, Text: formatSeeds(cell.rows)}
		}
		return out, nil
	}
	var values []float64
	for _, r := range cell.rows {
		if r.Diverged && c.cutShort() {
			continue
		}
		if v, ok := r.Value(c.Name).(float64); ok && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if c.Exact {
		if err := checkExact(c.Name, cell.name(), values); err != nil {
			return Cell{}, err
		}
	}
	out := Cell{Mean: stats.Of(values)}
	if c.Name == "tokens_per_second" && !g.Has("threads") {
		var threads []any
		for _, r := range cell.rows {
			if v := r.Value("threads"); v != nil {
				threads = append(threads, v)
			}
		}
		out.Threads = formatList(distinct(threads))
	}
	return out, nil
}

// Has reports whether the grid has a column.
func (g Grid) Has(column string) bool {
	return slices.ContainsFunc(g.Columns, func(c Column) bool { return c.Name == column })
}

func formatSeeds(rows []Row) string {
	var seeds []any
	for _, r := range rows {
		seeds = append(seeds, float64(r.Seed))
	}
	return formatList(distinct(seeds))
}

// sort orders the rows by one column: settings by value, results by mean, both
// ascending and with missing values last.
func (g *Grid) sort() error {
	by := g.Table.Sort
	if by == "" {
		return nil
	}
	i := slices.IndexFunc(g.Columns, func(c Column) bool { return c.Name == by })
	if i < 0 {
		return fmt.Errorf("sort = %q is not a column of the table", by)
	}
	key := func(r GridRow) any {
		c := r.Cells[i]
		switch {
		case c.Missing():
			return "" // after all numbers
		case c.Setting != nil:
			return c.Setting
		}
		return c.Mean.Value
	}
	slices.SortStableFunc(g.Rows, func(a, b GridRow) int { return compareValues(key(a), key(b)) })
	return nil
}

func (g *Grid) addBaselines(baselines []record.Baseline) {
	if len(baselines) == 0 {
		g.Note(Absent, "no n-gram baselines are stored with this sweep")
	}
	for _, b := range baselines {
		row := GridRow{Label: b.Name}
		values := map[string]record.Float{"loss": b.Loss, "ppl": b.PPL, "bits_per_byte": b.BitsPerByte}
		for i, c := range g.Columns {
			var cell Cell
			if v, ok := values[c.Name]; ok && v.Finite() {
				cell.Mean = stats.Of([]float64{float64(v)})
			}
			if i == 0 {
				cell.Text = b.Name
			}
			row.Cells = append(row.Cells, cell)
		}
		g.Baselines = append(g.Baselines, row)
	}
}

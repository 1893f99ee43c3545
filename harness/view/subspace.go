package view

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/harness/record"
)

// Subspace is the Figure.Source of figures that are drawn from subspace.jsonl:
// what the bases of each run looked like, refresh by refresh.
const Subspace = "subspace"

// Sources lists the values of Figure.Source, beside none: the runs.
func Sources() []string { return []string{Subspace, TuneSource} }

// chance is the column of the level that random subspaces have.
const chance = "chance"

// A look is a result column of subspace rows.
type look struct {
	Column
	chance bool // random subspaces have r/d
	value  func(record.SubspaceRow) float64
}

// looks lists the results of subspace rows. All but captured_after exist at a
// refresh only.
func looks() []look {
	measure := func(name, header string, chance bool, pick func(record.SubspaceRow) record.Float) look {
		return look{Column{Name: name, Header: header, Kind: Measure, Metric: true}, chance, func(r record.SubspaceRow) float64 {
			if r.After > 0 {
				return missing
			}
			return float64(pick(r))
		}}
	}
	after := measure("captured_after", "captured energy, later gradients", true, nil)
	after.value = func(r record.SubspaceRow) float64 { return float64(r.Captured) }
	return []look{
		measure("overlap", "overlap with the old basis", true, func(r record.SubspaceRow) record.Float { return r.Overlap }),
		measure("split_overlap", "overlap of two half batches", true, func(r record.SubspaceRow) record.Float { return r.SplitOverlap }),
		measure(chance, "chance level r/d", false, func(r record.SubspaceRow) record.Float { return record.Float(r.Chance()) }),
		measure("captured", "captured energy", true, func(r record.SubspaceRow) record.Float { return r.Captured }),
		measure("captured_old", "captured energy, old basis", true, func(r record.SubspaceRow) record.Float { return r.CapturedOld }),
		measure("captured_best", "captured energy, best basis", true, func(r record.SubspaceRow) record.Float { return r.CapturedBest }),
		after,
		measure("effective_rank", "effective rank of the gradient", false, func(r record.SubspaceRow) record.Float { return r.EffectiveRank }),
		measure("stable_rank", "stable rank of the gradient", false, func(r record.SubspaceRow) record.Float { return r.StableRank }),
		measure("retention", "moment retention", false, func(r record.SubspaceRow) record.Float { return r.Retention }),
		measure("staleness", "moment staleness", false, func(r record.SubspaceRow) record.Float { return r.Staleness }),
		measure("orthogonality", "departure from orthonormal", false, func(r record.SubspaceRow) record.Float { return r.Orthogonality }),
		measure("residual", "residual of the projection", false, func(r record.SubspaceRow) record.Float { return r.Residual }),
		measure("non_finite", "elements of the gradient that are not finite", false, func(r record.SubspaceRow) record.Float { return record.Float(r.NonFinite) }),
	}
}

// SubspaceResults lists the names of the results of subspace rows.
func SubspaceResults() []string {
	var names []string
	for _, l := range looks() {
		names = append(names, l.Name)
	}
	return names
}

// SubspaceColumns lists the columns that tell subspace rows of one run apart.
func SubspaceColumns() []string { return []string{"step", "after", "layer", "module", "side", "dim"} }

// subspaceRows turns each run into its subspace rows: rows with the run's
// settings, and the columns of [SubspaceColumns] as the part of the run that they
// stand for. So rows that are not told apart are a hidden dimension like any
// other. Only rows with one of the wanted results stay, with these and the chance
// level. A run without any is named in a warning.
func (c *Chart) subspaceRows(runs []Row, wanted []string) ([]Row, error) {
	var rows []Row
	var without []string
	used := slices.DeleteFunc(looks(), func(l look) bool { return !slices.Contains(wanted, l.Name) })
	for _, run := range runs {
		var list []record.SubspaceRow
		if run.Subspace != nil {
			var err error
			if list, err = run.Subspace(); err != nil {
				return nil, err
			}
		}
		if len(list) == 0 && !slices.Contains(without, run.Method) {
			without = append(without, run.Method)
		}
		for _, s := range list {
			row := run
			row.Results = map[string]float64{}
			for _, l := range used {
				if v := l.value(s); !math.IsNaN(v) && !math.IsInf(v, 0) {
					row.Results[l.Name] = v
				}
			}
			if len(row.Results) == 0 {
				continue
			}
			row.Results[chance] = s.Chance()
			row.Part = map[string]any{
				"step": float64(s.Step), "after": float64(s.After), "layer": float64(s.Layer),
				"module": s.Module, "side": s.Side, "dim": float64(s.Dim),
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil, &AbsentError{fmt.Sprintf("no run has recorded %s: it takes [diagnostics] subspace = true", strings.Join(wanted, " or "))}
	}
	if len(without) > 0 {
		c.warn("without a record of subspaces, so not shown: %s", strings.Join(without, ", "))
	}
	return rows, nil
}

// meanOver averages the rows of each run over columns: rows that differ in
// nothing else become one, which lacks these columns.
func meanOver(rows []Row, columns []string) ([]Row, error) {
	if len(columns) == 0 {
		return rows, nil
	}
	type cell struct {
		row    Row
		counts map[string]int
	}
	var cells []*cell
	byKey := map[string]*cell{}
	rest := slices.DeleteFunc(SubspaceColumns(), func(name string) bool { return slices.Contains(columns, name) })
	for _, name := range columns {
		if err := checkColumn(name, rows); err != nil {
			return nil, fmt.Errorf("mean_over: %w", err)
		}
	}
	for _, r := range rows {
		key := r.ID
		for _, name := range rest {
			key += "\x00" + Format(r.Part[name])
		}
		at := byKey[key]
		if at == nil {
			at = &cell{r, map[string]int{}}
			at.row.Part, at.row.Results = map[string]any{}, map[string]float64{}
			for _, name := range rest {
				at.row.Part[name] = r.Part[name]
			}
			byKey[key] = at
			cells = append(cells, at)
		}
		for name, v := range r.Results {
			at.row.Results[name] += v
			at.counts[name]++
		}
	}
	var means []Row
	for _, at := range cells {
		for name, n := range at.counts {
			at.row.Results[name] /= float64(n)
		}
		means = append(means, at.row)
	}
	return means, nil
}

// looked lists the results that a figure over subspace rows shows: y, or the
// colour of a heat map, and those of Also.
func (f Figure) looked() []string {
	if f.Kind == HeatMap {
		return append([]string{f.Z}, f.Also...)
	}
	return append([]string{f.Y}, f.Also...)
}

// subspaces makes the series of a figure over subspace rows: those of its results,
// and the chance level where there is one.
func (c *Chart) subspaces(rows []Row, names map[string]string) error {
	f, columns := c.Figure, c.Figure.looked()
	if f.Kind == HeatMap {
		means, err := meanOver(rows, f.MeanOver)
		if err != nil {
			return err
		}
		return c.heat(means, names)
	}
	hasChance := false
	for _, column := range columns {
		list, err := c.looks(rows, column, names)
		if err != nil {
			return err
		}
		for _, s := range list {
			if len(columns) > 1 && len(list) > 1 {
				s.Label += ": " + Describe(column).Header
			} else if len(columns) > 1 {
				s.Label = Describe(column).Header
			}
			if column != f.Y {
				s.Method, s.Kind = "", "" // a colour of its own
			}
			c.Series = append(c.Series, s)
		}
		hasChance = hasChance || slices.ContainsFunc(looks(), func(l look) bool { return l.Name == column && l.chance })
	}
	if len(columns) > 1 {
		c.Y.Header = strings.ReplaceAll(strings.Join(columns, ", "), "_", " ")
	}
	if !hasChance {
		return nil
	}
	list, err := c.looks(rows, chance, names)
	if err != nil {
		return err
	}
	c.addChance(list)
	return nil
}

// looks makes the series of one result.
func (c *Chart) looks(rows []Row, column string, names map[string]string) ([]Series, error) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Value(column) == nil })
	if len(rows) == 0 {
		return nil, &AbsentError{fmt.Sprintf("no run has recorded %s", column)}
	}
	means, err := meanOver(rows, c.Figure.MeanOver)
	if err != nil {
		return nil, err
	}
	part := *c
	part.Figure.Y, part.Y, part.Series, part.Categories = column, Describe(column), nil, nil
	part.Panels = slices.Clone(c.Panels)
	if err := part.points(means, names); err != nil {
		return nil, err
	}
	if len(c.Categories) > 0 && !slices.Equal(c.Categories, part.Categories) {
		return nil, fmt.Errorf("%s and %s have different values of %s", c.Figure.Y, column, c.Figure.X)
	}
	list := part.Series
	part.Figure, part.Y, part.Series = c.Figure, c.Y, c.Series
	*c = part
	return list, nil
}

// addChance adds the chance level to compare with: one number where it is one, a
// line where it depends on x alone, else a line per series.
func (c *Chart) addChance(list []Series) {
	label := Describe(chance).Header
	byX := map[float64]Point{}
	sameByX, same := true, true
	for _, s := range list {
		for _, p := range s.Points {
			if q, seen := byX[p.X]; seen && !near(q.Y, p.Y) {
				sameByX = false
			}
			byX[p.X] = p
			same = same && near(p.Y, list[0].Points[0].Y)
		}
	}
	if !sameByX {
		for _, s := range list {
			s.Label, s.Method, s.Kind = s.Label+": "+label, "", ""
			c.Lines = append(c.Lines, s)
		}
		return
	}
	line := Series{Label: label}
	for _, x := range slices.Sorted(maps.Keys(byX)) {
		p := byX[x]
		p.Lo, p.Hi, p.Method, p.Kind = math.NaN(), math.NaN(), "", ""
		line.Points = append(line.Points, p)
	}
	if same {
		line.Points = line.Points[:1]
	}
	c.Lines = append(c.Lines, line)
}

// near compares means of equal numbers.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(a) }

// checkSource refuses what a source of data cannot show.
func checkSource(f Figure) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch f.Source {
	case "", TuneSource:
		if len(f.MeanOver) > 0 || len(f.Also) > 0 {
			bad("mean_over and also need source = %q", Subspace)
		}
	case Subspace:
		if f.Kind == StackedBar || f.Kind == Frontier {
			bad("a %s does not show subspaces: want line, bar or heat_map", f.Kind)
		}
		if f.Kind == HeatMap && len(f.Also) > 0 {
			bad("a heat_map shows one result: leave also out")
		}
		for _, column := range f.looked() {
			if !slices.Contains(SubspaceResults(), column) {
				bad("%s is not recorded of subspaces: want one of %s", column, strings.Join(SubspaceResults(), ", "))
			}
		}
		for _, column := range f.MeanOver {
			if !slices.Contains(SubspaceColumns(), column) {
				bad("mean_over %s: a mean can be taken over %s; runs are averaged over seeds alone", column, strings.Join(SubspaceColumns(), ", "))
			}
			if column == f.X || column == f.Facet || f.Kind == HeatMap && column == f.Y || slices.Contains(f.Group, column) {
				bad("mean_over %s: it is told apart by x, y, group or facet", column)
			}
		}
	default:
		bad("source %q: want one of %s", f.Source, strings.Join(Sources(), ", "))
	}
	return errors.Join(errs...)
}

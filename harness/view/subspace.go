package view

import (
	"fmt"
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

// capturedAfter is the one result of rows between refreshes.
const capturedAfter = "captured_after"

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
	after := measure(capturedAfter, "captured energy, later gradients", true, nil)
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

// SubspaceValues returns the results of a subspace row that are there and finite, by
// name.
func SubspaceValues(r record.SubspaceRow) map[string]float64 {
	values := make(map[string]float64)
	for _, l := range looks() {
		later := l.Name == capturedAfter
		if v := l.value(r); later == (r.After > 0) && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[l.Name] = v
		}
	}
	return values
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

package spec

import (
	"slices"

	"ranklab/harness/view"
)

// ofSource reports whether a column belongs to a source of data other than the
// runs; where the declaration has none, that is a problem.
func (d *declaration) ofSource(at pos, column string) bool {
	sourced := d.t.get("source") != nil
	switch {
	case sourced && slices.Contains(view.SubspaceColumns(), column):
		return true
	case slices.Contains(view.SubspaceResults(), column):
		if !sourced {
			d.problems.add(at, "", "", "%s is recorded refresh by refresh: it is drawn by a figure with source = %q", column, view.Subspace)
		}
		return true
	}
	return false
}

// subspace checks what a figure says of its source: one of subspaces draws their
// results alone.
func (d *declaration) subspace(f view.Figure) {
	d.oneOf("source", f.Source, false, view.Sources()...)
	if d.bad["source"] {
		return
	}
	results, columns := view.SubspaceResults(), view.SubspaceColumns()
	if f.Source != view.Subspace {
		if f.Source != "" && f.Source != view.TuneSource {
			return // reported
		}
		for _, key := range []string{"mean_over", "also"} {
			if n := d.t.get(key); n != nil && !d.bad[key] {
				d.problems.add(n.place(), "", "", "%s needs source = %q", key, view.Subspace)
			}
		}
		return
	}
	y, shown := f.Y, "y"
	if f.Kind == view.HeatMap {
		y, shown = f.Z, "z"
	}
	if f.Kind == view.StackedBar || f.Kind == view.Frontier {
		d.problems.add(d.at("source"), "", "", "a %s does not show subspaces: want kind line, bar or heat_map", f.Kind)
	}
	if n := d.t.get("also"); n != nil && f.Kind == view.HeatMap {
		d.problems.add(n.place(), "", "", "a heat_map shows one result: leave also out")
	}
	for i, y := range append([]string{y}, f.Also...) {
		key := shown
		if i > 0 {
			key = "also"
		}
		if y != "" && !d.bad[key] && !slices.Contains(results, y) {
			suggestion, _ := didYouMean(y, results)
			d.problems.add(d.at(key), suggestion, "results: "+joinOr(results), "%s is not recorded of subspaces", y)
		}
	}
	for _, column := range f.MeanOver {
		switch {
		case d.bad["mean_over"]:
		case !slices.Contains(columns, column):
			suggestion, _ := didYouMean(column, columns)
			d.problems.add(d.at("mean_over"), suggestion, "the columns that tell the rows of one run apart are "+joinOr(columns), "mean_over cannot average over %s", column)
		case column == f.X || column == f.Facet || f.Kind == view.HeatMap && column == f.Y || slices.Contains(f.Group, column):
			d.problems.add(d.at("mean_over"), "", "", "mean_over averages over %s, which x, y, group or facet tells apart", column)
		}
	}
}

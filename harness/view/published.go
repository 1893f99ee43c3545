package view

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/stats"
)

// addReference puts the published numbers of the table's reference and the
// deviation from them behind the columns that they belong to. Published numbers
// enter neither the order of rows nor any mean.
func (g *Grid) addReference(refs []Reference, rows []Row) {
	id := g.Table.Reference
	if id == "" {
		return
	}
	i := slices.IndexFunc(refs, func(r Reference) bool { return r.ID == id })
	if i < 0 {
		g.Note(Absent, fmt.Sprintf("there is no reference %q", id))
		return
	}
	ref := refs[i]
	shown := false
	for _, column := range ref.published() {
		own := ref.own(column)
		at := slices.IndexFunc(g.Columns, func(c Column) bool { return c.Name == own })
		if at < 0 {
			at = slices.IndexFunc(g.Columns, func(c Column) bool { return c.Name == column })
		}
		if at < 0 {
			continue
		}
		shown = true
		if own != column {
			g.Note(Published, fmt.Sprintf("the published %s is compared with %s", column, own))
		}
		g.insertReference(ref, column, own, at, rows)
	}
	if !shown {
		g.Note(Absent, "the table has none of the columns that reference "+id+" has numbers for")
		return
	}
	g.Note(Published, "published: "+ref.Source)
	if ref.KnownBias != "" {
		g.Note(KnownBias, "known bias of the published numbers: "+ref.KnownBias)
	}
}

func (g *Grid) insertReference(ref Reference, column, own string, at int, rows []Row) {
	c := Describe(column)
	published := Column{Name: column + "_published", Header: c.Header + ", published"}
	if c.Kind == Bytes {
		published.Unit = ref.unit(column)
	}
	deviation := Column{Name: column + "_deviation", Header: "deviation"}
	g.Columns = slices.Insert(g.Columns, at+1, published, deviation)
	for i := range g.Rows {
		row := &g.Rows[i]
		a, b := ref.cells(column, own, row, rows)
		row.Cells = slices.Insert(row.Cells, at+1, a, b)
	}
	for i := range g.Baselines {
		g.Baselines[i].Cells = slices.Insert(g.Baselines[i].Cells, at+1, Cell{Text: "–"}, Cell{Text: "–"})
	}
}

// unit says what the published sizes of a column are in.
func (r Reference) unit(column string) string {
	for _, entry := range r.Values {
		if text, ok := entry[column].(string); ok {
			if strings.HasSuffix(text, "G") {
				return "G = 1024·10⁶ bytes"
			}
			return ""
		}
	}
	return "bytes"
}

// cells returns the published number for a row and the deviation from it. Why a
// row is not comparable becomes a note of the row.
func (r Reference) cells(column, own string, row *GridRow, rows []Row) (published, deviation Cell) {
	none := Cell{Text: "–"}
	var mine []Row
	for _, x := range rows {
		if slices.Contains(row.IDs, shortID(x.ID)) {
			mine = append(mine, x)
		}
	}
	if len(mine) == 0 {
		return none, none
	}
	entry := slices.IndexFunc(r.Values, func(e map[string]any) bool { _, has := e[column]; return has && matches(e, mine[0]) })
	if entry < 0 {
		return none, none
	}
	value, ok := ParsePublished(column, r.Values[entry][column])
	if !ok {
		return none, none
	}
	published = Cell{Setting: value, Text: Format(r.Values[entry][column])}
	whole := max(0, slices.IndexFunc(mine, func(x Row) bool { return !x.Diverged })) // a run that ended early has seen less
	if reasons := r.reasons(column, mine[whole]); len(reasons) > 0 {
		row.note(NotComparable, fmt.Sprintf("not comparable with the published %s (%s)", column, strings.Join(reasons, "; ")))
		return published, Cell{Setting: "not comparable", Text: "not comparable"}
	}
	var values []float64
	for _, x := range mine {
		if v, ok := x.Value(own).(float64); ok && !(x.Diverged && !Describe(own).Exact) {
			values = append(values, v)
		}
	}
	mean := stats.Of(values).Value
	if len(values) == 0 || value == 0 {
		return published, none
	}
	d := mean/value - 1
	text := fmt.Sprintf("%+.1f %%", 100*d)
	switch {
	case r.Tolerance == 0:
	case d <= r.Tolerance && d >= -r.Tolerance:
		text += fmt.Sprintf(", within %s %%", formatNumber(100*r.Tolerance))
	default:
		text += fmt.Sprintf(", outside %s %%", formatNumber(100*r.Tolerance))
	}
	return published, Cell{Setting: d, Text: text}
}

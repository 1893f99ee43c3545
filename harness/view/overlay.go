package view

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/stats"
)

// overlay adds the published numbers of the figure's reference to the chart, and
// a warning for each that no run can be compared with.
func (c *Chart) overlay(refs []Reference, rows []Row) {
	f := c.Figure
	i := slices.IndexFunc(refs, func(r Reference) bool { return r.ID == f.Reference })
	if f.Reference == "" || c.Skip != "" {
		return
	}
	if i < 0 {
		c.warn("there is no reference %q", f.Reference)
		return
	}
	ref := refs[i]
	selected, _, err := filter(rows, f.Where)
	if err != nil {
		return
	}
	names := methodNames(rows)
	lead := "published, " + ref.name()
	var refused []string
	for _, column := range ref.published() {
		if ref.own(column) != f.Y {
			continue
		}
		for _, entry := range ref.Values {
			y, ok := ParsePublished(column, entry[column])
			if !ok {
				continue
			}
			var reasons []string
			marked := false
			for _, r := range selected {
				x, placed := c.overlayX(ref, entry, r, names)
				if !placed || !matches(entry, r) {
					continue
				}
				if why := ref.reasons(column, r); len(why) > 0 {
					reasons = append(reasons, strings.Join(why, "; "))
					continue
				}
				marked = true
				c.mark(lead, Point{X: x, Y: y, Lo: missing, Hi: missing, Method: r.Method, Kind: r.Kind}, r, names)
			}
			if !marked {
				refused = append(refused, reasons...)
			}
		}
	}
	for _, text := range refused {
		c.warn("%s: not shown, since not comparable (%s)", lead, text)
	}
	if len(c.Overlays) > 0 && ref.KnownBias != "" {
		c.warn("%s: %s", lead, ref.KnownBias)
	}
}

// mark adds a published number where the figure draws a run: to a series of its
// own for each line, else to a single one in each panel. Seeds share their mark.
func (c *Chart) mark(label string, p Point, r Row, names map[string]string) {
	if c.Figure.Kind == Line && len(c.Series) > 1 {
		label += ": " + c.lineOf(r, names)
	}
	panel := c.panelOf(r, names)
	at := slices.IndexFunc(c.Overlays, func(s Series) bool { return s.Label == label && s.Panel == panel })
	if at < 0 {
		at = len(c.Overlays)
		c.Overlays = append(c.Overlays, Series{Label: label, Panel: panel})
	}
	s := &c.Overlays[at]
	if !slices.ContainsFunc(s.Points, func(q Point) bool { return q.X == p.X && q.Y == p.Y }) {
		s.Points = append(s.Points, p)
	}
}

// lineOf names the line of the figure that a run belongs to.
func (c *Chart) lineOf(r Row, names map[string]string) string {
	return groupBy([]Row{r}, c.groupColumns())[0].label(names)
}

// overlayX places an entry on the x axis: where its run is, at the tokens or
// updates of the published runs, or at the published value of a result.
func (c *Chart) overlayX(ref Reference, entry map[string]any, run Row, names map[string]string) (float64, bool) {
	x := c.Figure.X
	switch x {
	case "tokens_seen":
		return ParsePublished("", ref.Scale["tokens"])
	case "positions":
		return ParsePublished("", ref.Scale["positions"])
	case "step":
		return ParsePublished("", ref.Scale["steps"])
	}
	if IsResult(x) {
		for _, column := range ref.published() {
			if v, ok := entry[column]; ok && ref.own(column) == x {
				return ParsePublished(column, v)
			}
		}
		return 0, false
	}
	v := run.Value(x)
	if c.XScale == Category {
		i := slices.Index(c.Categories, c.categoryName(v, names))
		return float64(i), i >= 0
	}
	for _, b := range c.Beyond {
		if b.Name == Format(v) {
			return b.At, true
		}
	}
	n, ok := v.(float64)
	return n, ok
}

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
		g.Notes = append(g.Notes, fmt.Sprintf("there is no reference %q", id))
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
			g.Notes = append(g.Notes, fmt.Sprintf("the published %s is compared with %s", column, own))
		}
		g.insertReference(ref, column, own, at, rows)
	}
	if !shown {
		return
	}
	g.Notes = append(g.Notes, "published: "+ref.Source)
	if ref.KnownBias != "" {
		g.Notes = append(g.Notes, "known bias of the published numbers: "+ref.KnownBias)
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
	if reasons := r.reasons(column, mine[0]); len(reasons) > 0 {
		row.note(fmt.Sprintf("not comparable with the published %s (%s)", column, strings.Join(reasons, "; ")))
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

package view

import (
	"slices"
	"strings"
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

package view

import (
	"fmt"
	"slices"
	"strings"
)

// maxPanels is how many small pictures fit on a page and are still read.
const maxPanels = 12

// placePanels decides the panels of a figure with facets, one per value of the
// column, and leaves out rows that have none, with a warning.
func (c *Chart) placePanels(rows []Row, names map[string]string) ([]Row, error) {
	facet := c.Figure.Facet
	if facet == "" {
		return rows, nil
	}
	if err := checkColumn(facet, rows); err != nil {
		return nil, err
	}
	rows = c.having(rows, facet)
	for _, g := range groupBy(rows, []string{facet}) {
		if name := g.label(names); !slices.Contains(c.Panels, name) {
			c.Panels = append(c.Panels, name)
		}
	}
	if len(c.Panels) > maxPanels {
		return nil, fmt.Errorf("facet = %q has %d values, and a figure shows %d panels at most: choose some of them with where", facet, len(c.Panels), maxPanels)
	}
	return rows, nil
}

// panelOf names the panel that a row belongs to; it is "" without facets, and
// for a row that has no value of the column.
func (c *Chart) panelOf(r Row, names map[string]string) string {
	facet := c.Figure.Facet
	if facet == "" || r.Value(facet) == nil {
		return ""
	}
	return group{columns: []string{facet}, key: []any{r.Value(facet)}, rows: []Row{r}}.label(names)
}

// A share is the part of a group that one panel shows.
type share struct {
	panel string
	group
}

// shares splits a group by panel, in the order of the panels; without facets it
// is its own only share.
func (c *Chart) shares(g group, names map[string]string) []share {
	if c.Figure.Facet == "" {
		return []share{{"", g}}
	}
	var list []share
	for _, panel := range c.Panels {
		part := group{columns: g.columns, key: g.key}
		for _, r := range g.rows {
			if c.panelOf(r, names) == panel {
				part.rows = append(part.rows, r)
			}
		}
		if len(part.rows) > 0 {
			list = append(list, share{panel, part})
		}
	}
	return list
}

// baselineShares splits the runs of a baseline by the panels that the other
// rows will have. A baseline that has no value of the column, or none of
// theirs, is the same in all panels.
func (c *Chart) baselineShares(g group, rows []Row, names map[string]string) []share {
	if c.Figure.Facet == "" {
		return []share{{"", g}}
	}
	panels := map[string]bool{}
	for _, r := range rows {
		panels[c.panelOf(r, names)] = true
	}
	var list []share
	for _, part := range groupBy(g.rows, []string{c.Figure.Facet}) {
		if panel := c.panelOf(part.rows[0], names); panel != "" && panels[panel] {
			list = append(list, share{panel, group{columns: g.columns, key: g.key, rows: part.rows}})
		}
	}
	if len(list) == 0 {
		return []share{{"", g}}
	}
	return list
}

// having leaves out rows without a value of a column and says so.
func (c *Chart) having(rows []Row, column string) []Row {
	var kept []Row
	var dropped []string
	for _, r := range rows {
		if r.Value(column) != nil {
			kept = append(kept, r)
		} else if !slices.Contains(dropped, r.Method) {
			dropped = append(dropped, r.Method)
		}
	}
	if len(dropped) > 0 {
		c.warn("without %s, so not shown: %s", Describe(column).Header, strings.Join(dropped, ", "))
	}
	return kept
}

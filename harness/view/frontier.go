package view

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/harness/stats"
)

// frontier makes one point per configuration: all that differs between runs of
// a series, but the seed, tells its points apart and is written beside them.
// Nothing is averaged over but seeds. x and y are both costs, except rates.
func (c *Chart) frontier(rows []Row, names map[string]string) error {
	f := c.Figure
	for _, name := range append([]string{f.X, f.Y}, c.groupColumns()...) {
		if err := checkColumn(name, rows); err != nil {
			return err
		}
	}
	for _, axis := range []struct {
		name   string
		column Column
	}{{"x", c.X}, {"y", c.Y}} {
		if !axis.column.Metric && !allNumbers(rows, axis.column.Name) {
			return fmt.Errorf("%s = %q is not a number in every run", axis.name, axis.column.Name)
		}
	}
	rows, err := c.placePanels(rows, names)
	if err != nil {
		return err
	}
	if c.XScale == "" {
		c.XScale = Linear
	}
	for _, g := range groupBy(rows, c.groupColumns()) {
		told := g.told(slices.Concat(c.groupColumns(), []string{f.Facet}))
		for _, part := range c.shares(g, names) {
			s := part.series(names)
			s.Label, s.Panel = g.label(names), part.panel
			for _, cell := range groupBy(part.rows, told) {
				p, err := c.configuration(cell, s.Label, names)
				if err != nil {
					return err
				}
				if !math.IsNaN(p.X) {
					s.Points = append(s.Points, p)
				}
			}
			if len(s.Points) > 0 {
				c.Series = append(c.Series, s)
			}
		}
	}
	c.markFront()
	return nil
}

// configuration averages the seeds of one configuration in both directions.
func (c *Chart) configuration(cell group, series string, names map[string]string) (Point, error) {
	if err := cell.checkHidden(); err != nil {
		return Point{}, err
	}
	label := ""
	if len(cell.columns) > 0 {
		label = cell.label(names)
	}
	where := series
	if label != "" {
		where += ", " + label
	}
	p, err := c.average(cell, where)
	if err != nil {
		return p, err
	}
	p.Label = label
	var xs []float64
	for _, r := range cell.rows {
		if v, ok := r.Value(c.Figure.X).(float64); ok && (!r.Diverged || c.X.Exact || !c.X.Metric) && !math.IsInf(v, 0) {
			xs = append(xs, v)
		}
	}
	if c.X.Exact {
		if err := checkExact(c.Figure.X, cell.name(), xs); err != nil {
			return p, err
		}
		xs = xs[:min(len(xs), 1)]
	}
	x := stats.Of(xs)
	p.X, p.XLo, p.XHi = x.Value, x.Lo, x.Hi
	if x.N == 0 && p.Diverged < len(cell.rows) {
		c.warn("%s: %s not measured", where, c.X.Header)
	}
	return p, nil
}

// told returns the columns that tell the configurations of a group apart, as
// few as do: a setting that follows from those before it is left out. except
// are columns that tell apart already.
func (g group) told(except []string) []string {
	var chosen []string
	for _, name := range g.dimensions(except) {
		varies := func(cell group) bool {
			first := cell.rows[0].Value(name)
			return slices.ContainsFunc(cell.rows, func(r Row) bool { return r.Value(name) != first })
		}
		if slices.ContainsFunc(groupBy(g.rows, slices.Concat(except, chosen)), varies) {
			chosen = append(chosen, name)
		}
	}
	return chosen
}

// dimensions lists the columns in which runs of a group may differ, those that
// readers look for first.
func (g group) dimensions(except []string) []string {
	names := map[string]bool{"method": true, "kind": true}
	for _, r := range g.rows {
		for name := range r.Settings {
			names[name] = true
		}
	}
	first := []string{"method", "kind", "rank", "update_proj_gap"}
	place := func(name string) int {
		if i := slices.Index(first, name); i >= 0 {
			return i
		}
		if strings.HasSuffix(name, "_digest") {
			return len(first) + 1
		}
		return len(first)
	}
	list := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return slices.DeleteFunc(list, func(name string) bool {
		return isSeed(name) || beside(name) || slices.Contains(except, name)
	})
}

// markFront marks the points of each panel that no other one is at least as
// good as in both directions and better in one: the Pareto front of the means.
func (c *Chart) markFront() {
	cost := func(column Column, v float64) float64 {
		if column.Kind == Rate { // more is better
			return -v
		}
		return v
	}
	byPanel := map[string][]*Point{}
	for i, s := range c.Series {
		for j, p := range s.Points {
			if !math.IsNaN(p.Y) {
				byPanel[s.Panel] = append(byPanel[s.Panel], &c.Series[i].Points[j])
			}
		}
	}
	for _, points := range byPanel {
		for _, p := range points {
			x, y := cost(c.X, p.X), cost(c.Y, p.Y)
			p.Front = !slices.ContainsFunc(points, func(q *Point) bool {
				qx, qy := cost(c.X, q.X), cost(c.Y, q.Y)
				return qx <= x && qy <= y && (qx < x || qy < y)
			})
		}
	}
}

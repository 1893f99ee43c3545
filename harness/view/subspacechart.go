package view

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

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

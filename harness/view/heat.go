package view

import "fmt"

// heat makes the rows of a heat map: a series per value of y, a point per value
// of x in it. A point's Y is the value of z; a cell without runs has no point.
func (c *Chart) heat(rows []Row, names map[string]string) error {
	f := c.Figure
	for _, name := range []string{f.X, f.Y, f.Z} {
		if err := checkColumn(name, rows); err != nil {
			return err
		}
	}
	if !c.Z.Metric && !allNumbers(rows, f.Z) {
		return fmt.Errorf("z = %q is not a number", f.Z)
	}
	rows, err := c.placePanels(c.having(c.having(rows, f.X), f.Y), names)
	if err != nil {
		return err
	}
	if err := c.placeX(rows, names); err != nil {
		return err
	}
	c.YCategories = categories(f.Y, rows, names)
	for _, row := range groupBy(rows, []string{f.Y}) {
		for _, part := range c.shares(row, names) {
			s := part.series(names)
			s.Label, s.Panel = categoryName(f.Y, row.key[0], names), part.panel
			for _, cell := range groupBy(part.rows, []string{f.Y, f.X}) {
				if err := cell.checkHidden(); err != nil {
					return err
				}
				p, err := c.average(cell, cell.label(names))
				if err != nil {
					return err
				}
				p.X = c.xOf(cell.rows[0], names)
				s.Points = append(s.Points, p)
			}
			c.Series = append(c.Series, s)
		}
	}
	return nil
}

// measure returns the column that is averaged and shown: the y axis, or the
// colour of a heat map.
func (c *Chart) measure() Column {
	if c.Figure.Kind == HeatMap {
		return c.Z
	}
	return c.Y
}

// categories names the values of a column in order: numbers ascending, then
// text, such as "never".
func categories(column string, rows []Row, names map[string]string) []string {
	var values []any
	for _, r := range rows {
		values = append(values, r.Value(column))
	}
	var list []string
	for _, v := range distinct(values) {
		list = append(list, categoryName(column, v, names))
	}
	return list
}

func categoryName(column string, v any, names map[string]string) string {
	if name, ok := v.(string); ok && column == "method" {
		return names[name]
	}
	return Format(v)
}

package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ranklab/internal/memory"
)

// splitCategories takes the filter on categories of memory, which are not a
// column of runs, out of a where.
func splitCategories(where map[string]any) (rest map[string]any, categories []any) {
	rest = maps.Clone(where)
	if v, ok := where["category"]; ok {
		delete(rest, "category")
		if categories = accepted(v); len(categories) > 1 {
			categories = categories[1:] // the list itself is no category
		}
	}
	return rest, categories
}

// stack makes one series per category of memory, with one point per value of
// x. Categories that are empty everywhere are left out.
func (c *Chart) stack(rows []Row, categories []any, names map[string]string) error {
	if err := checkColumn(c.Figure.X, rows); err != nil {
		return err
	}
	shown := memory.Categories()
	if categories != nil {
		shown = slices.DeleteFunc(shown, func(m memory.Category) bool { return !slices.Contains(categories, any(string(m))) })
		if len(shown) == 0 {
			return fmt.Errorf("where: no category of memory is %s (there are %v)", Format(c.Figure.Where["category"]), memory.Categories())
		}
		for _, name := range categories {
			if !slices.ContainsFunc(shown, func(m memory.Category) bool { return name == any(string(m)) }) {
				c.absent("", []string{"no category of memory is " + Format(name) + ", so not shown"})
			}
		}
	}
	rows = c.withX(rows)
	if err := c.placeX(rows, names); err != nil {
		return err
	}
	cells := groupBy(rows, []string{c.Figure.X})
	for _, cell := range cells {
		if err := cell.checkHidden(); err != nil {
			return err
		}
	}
	for _, category := range shown {
		s := Series{Label: string(category)}
		total := 0.0
		for _, cell := range cells {
			p := Point{X: c.xOf(cell.rows[0], names), Lo: missing, Hi: missing, N: len(cell.rows)}
			var values []float64
			for _, r := range cell.rows {
				values = append(values, float64(r.Memory[category]))
				p.IDs = append(p.IDs, shortID(r.ID))
			}
			if err := checkExact(s.Label+" bytes", cell.name(), values); err != nil {
				return err
			}
			p.Y = values[0]
			total += p.Y
			s.Points = append(s.Points, p)
		}
		if total > 0 {
			c.Series = append(c.Series, s)
		}
	}
	return nil
}

// CategoryName writes a category of memory for people.
func CategoryName(category string) string { return strings.ReplaceAll(category, "_", " ") }

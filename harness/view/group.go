package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A group holds the rows that share the values of some columns.
type group struct {
	columns []string
	key     []any // plain values of columns
	rows    []Row
}

// groupBy splits rows by the values of columns. Groups are ordered column by
// column: numbers ascending, names in order of first appearance.
func groupBy(rows []Row, columns []string) []group {
	var groups []group
	for _, r := range rows {
		key := make([]any, len(columns))
		for i, c := range columns {
			key[i] = r.Value(c)
		}
		i := slices.IndexFunc(groups, func(g group) bool { return slices.Equal(g.key, key) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{columns: columns, key: key})
		}
		groups[i].rows = append(groups[i].rows, r)
	}
	order := make([][]any, len(columns))
	for i, c := range columns {
		var values []any
		for _, r := range rows {
			values = append(values, r.Value(c))
		}
		order[i] = distinct(values)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		for i := range columns {
			if d := slices.Index(order[i], a.key[i]) - slices.Index(order[i], b.key[i]); d != 0 {
				return d
			}
		}
		return 0
	})
	return groups
}

// name describes the group in an error: "method=galore, rank=32".
func (g group) name() string {
	if len(g.columns) == 0 {
		return "all runs"
	}
	parts := make([]string, len(g.columns))
	for i, c := range g.columns {
		parts[i] = c + "=" + Format(g.key[i])
	}
	return strings.Join(parts, ", ")
}

// A HiddenDimensionError says that a mean would mix runs that differ in more
// than the seed.
type HiddenDimensionError struct {
	Dimension string // column that varies
	Values    []any  // its values, plain
	Group     string // where it varies
}

func (e *HiddenDimensionError) Error() string {
	return fmt.Sprintf("%s varies within %s (%s): fix it with where, or tell its values apart with group (in a table: rows)", e.Dimension, e.Group, formatList(e.Values))
}

// checkHidden makes sure that the rows of a group are repetitions of one run
// with different seeds: only then may they be averaged.
func (g group) checkHidden() error {
	if len(g.rows) < 2 {
		return nil
	}
	names := map[string]bool{"method": true, "kind": true}
	for _, r := range g.rows {
		for name := range r.Settings {
			names[name] = true
		}
		for name := range r.Part {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if isSeed(name) || beside(name) {
			continue
		}
		var values []any
		for _, r := range g.rows {
			values = append(values, r.Value(name))
		}
		if different := distinct(values); len(different) > 1 {
			return &HiddenDimensionError{Dimension: name, Values: different, Group: g.name()}
		}
	}
	bySeed := map[int]Row{}
	for _, r := range g.rows {
		if other, seen := bySeed[r.Seed]; seen {
			return fmt.Errorf("two runs of %s have seed %d (%.12s, %.12s): they cannot be told apart", g.name(), r.Seed, other.ID, r.ID)
		}
		bySeed[r.Seed] = r
	}
	return nil
}

// isSeed reports whether a setting is one of the random streams that a seed
// stands for.
func isSeed(name string) bool {
	return name == "seed" || strings.HasPrefix(name, "seed.") || strings.HasPrefix(name, "seed_")
}

// methodNames gives each method its display name: the label that all its runs
// share, or else the name of its table.
func methodNames(rows []Row) map[string]string {
	names := map[string]string{}
	for _, r := range rows {
		name := r.Label
		if name == "" {
			name = r.Method
		}
		if old, seen := names[r.Method]; seen && old != name {
			name = r.Method
		}
		names[r.Method] = name
	}
	return names
}

// label names the group in a legend or a table: "galore, rank 32".
func (g group) label(methods map[string]string) string {
	var parts []string
	for i, c := range g.columns {
		switch {
		case c == "method":
			parts = append(parts, methods[g.rows[0].Method])
		case c == "kind" || c == "label":
			parts = append(parts, Format(g.key[i]))
		case g.key[i] == nil: // a method without this setting
		case c == "update_proj_gap":
			parts = append(parts, "gap "+Format(g.key[i]))
		default:
			parts = append(parts, strings.ReplaceAll(c, "_", " ")+" "+Format(g.key[i]))
		}
	}
	if len(parts) == 0 {
		return methods[g.rows[0].Method]
	}
	return strings.Join(parts, ", ")
}

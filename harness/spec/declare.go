package spec

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"ranklab/harness/view"
	"ranklab/internal/safename"
)

// readFigures reads [[figure]]: what to draw, for harness/view.
func (e *expander) readFigures() []view.Figure {
	var out []view.Figure
	for _, t := range tables(e.root.get("figure"), "figure", e.problems) {
		var f view.Figure
		d := e.declaration(t, "[[figure]]", &f)
		d.parts = f.PartColumns()
		d.id(f.ID, "figure")
		if t.get("kind") == nil {
			d.oneOf("kind", "", true, view.Kinds()...)
		}
		d.column("x", f.X)
		d.column("y", f.Y)
		d.columns("group", f.Group)
		d.selected("where", f.Where)
		d.selected("baseline", f.Baseline)
		if t.get("facet") != nil {
			d.column("facet", f.Facet)
		}
		if t.get("z") != nil || f.Kind == view.HeatMap {
			d.column("z", f.Z)
		}
		if t.get("stack") != nil || f.Kind == view.StackedBar {
			d.column("stack", f.Stack)
		}
		d.faults(f)
		d.reference(f.Reference, e.referenceIDs())
		out = append(out, f)
	}
	e.uniqueIDs("figure")
	return out
}

// readTables reads [[table]].
func (e *expander) readTables() []view.Table {
	var out []view.Table
	for _, t := range tables(e.root.get("table"), "table", e.problems) {
		var table view.Table
		d := e.declaration(t, "[[table]]", &table)
		d.id(table.ID, "table")
		d.needList("rows", table.Rows)
		if t.get("columns") != nil {
			d.needList("columns", table.Columns)
		}
		d.selected("where", table.Where)
		if t.get("sort") != nil {
			d.column("sort", table.Sort)
			d.sorted(table)
		}
		e.comparison(d, table)
		d.reference(table.Reference, e.referenceIDs())
		out = append(out, table)
	}
	e.uniqueIDs("table")
	return out
}

// sorted checks that the column to sort by is one of the table's.
func (d *declaration) sorted(table view.Table) {
	columns := table.Columns
	if len(columns) == 0 {
		columns = view.DefaultColumns()
	}
	if columns = slices.Concat(table.Rows, columns); d.bad["sort"] || d.bad["columns"] || d.bad["rows"] || len(table.Rows) == 0 || slices.Contains(columns, table.Sort) {
		return
	}
	suggestion, _ := didYouMean(table.Sort, columns)
	d.problems.add(d.at("sort"), suggestion, "choose from "+joinOr(columns), "the table has no column %q to sort by", table.Sort)
}

func (e *expander) uniqueIDs(what string) {
	first := make(map[string]pos)
	list := e.root.get(what)
	if list == nil || list.kind != arrayNode {
		return
	}
	for _, t := range list.items {
		n := t.get("id")
		if n == nil || n.kind != stringNode || n.str == "" {
			continue
		}
		if at, twice := first[n.str]; twice {
			e.problems.add(n.pos, "", "", "the %s id %q is used twice: here and at %s", what, n.str, at)
		} else {
			first[n.str] = n.pos
		}
	}
}

// A declaration is one [[figure]], [[table]] or the like being read.
type declaration struct {
	t        *node
	title    string
	bad      map[string]bool
	parts    []string // columns of parts of a run that a figure may name
	problems *collector
}

// declaration decodes t into the struct that dst points to, strictly.
func (e *expander) declaration(t *node, title string, dst any) *declaration {
	d := &declaration{t: t, title: title, bad: make(map[string]bool), problems: e.problems}
	v := reflect.ValueOf(dst).Elem()
	fields := make(map[string]reflect.Value)
	var known []string
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("toml")
		fields[key] = v.Field(i)
		known = append(known, key)
	}
	for _, name := range t.names {
		n := t.children[name]
		f, ok := fields[name]
		if !ok {
			suggestion, meant := didYouMean(name, known)
			d.bad[meant] = true
			hint := ""
			if suggestion == "" {
				hint = "keys: " + strings.Join(known, ", ")
			}
			e.problems.add(n.place(), suggestion, hint, "unknown key %q in %s", name, title)
			continue
		}
		if n.kind == invalidNode {
			d.bad[name] = true
			continue
		}
		if m := decodeDeclared(name, f, n); m != nil {
			e.problems.add(n.pos, m.suggestion, "", "%s", m.message)
			d.bad[name] = true
		}
	}
	return d
}

// decodeDeclared decodes a string, a boolean, a number, a string or list of
// strings, a selection of runs, a table of names, or a list of tables.
func decodeDeclared(name string, v reflect.Value, n *node) *misfit {
	switch v.Kind() {
	case reflect.Map:
		if name == "compare_to" && n.kind == stringNode {
			v.Set(reflect.ValueOf(map[string]any{"method": n.str}))
			return nil
		}
		if v.Type().Elem().Kind() == reflect.String {
			return decodeNames(name, v, n)
		}
		if n.kind != tableNode {
			return unfit(name, "a table of columns and values, as { method = \"galore\" }", n)
		}
		selected := make(map[string]any)
		if m := selection(name, "", n, selected); m != nil {
			return m
		}
		v.Set(reflect.ValueOf(selected))
		return nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Map {
			return decodeEntries(name, v, n)
		}
		if n.kind == stringNode {
			v.Set(reflect.ValueOf([]string{n.str}))
			return nil
		}
	}
	m := decodeValue(name, v, n)
	if m != nil {
		m.suggestion, m.hint = "", ""
	}
	return m
}

// selection flattens column = value, or column = list of values.
func selection(name, prefix string, t *node, out map[string]any) *misfit {
	for _, column := range t.names {
		n := t.children[column]
		switch n.kind {
		case tableNode:
			if m := selection(name, prefix+column+".", n, out); m != nil {
				return m
			}
		case arrayNode:
			var list []any
			for _, item := range n.items {
				x, ok := scalar(item)
				if !ok {
					return &misfit{message: fmt.Sprintf("%s compares %s with single values, not %s", name, prefix+column, item.describe())}
				}
				list = append(list, x)
			}
			if len(list) == 0 {
				return &misfit{message: fmt.Sprintf("%s leaves no value for %s", name, prefix+column)}
			}
			out[prefix+column] = list
		default:
			x, ok := scalar(n)
			if !ok {
				return &misfit{message: fmt.Sprintf("%s compares %s with a string, a number or a boolean, not %s", name, prefix+column, n.describe())}
			}
			out[prefix+column] = x
		}
	}
	return nil
}

// scalar returns string, int, float64 or bool.
func scalar(n *node) (any, bool) {
	switch n.kind {
	case stringNode:
		return n.str, true
	case intNode:
		return int(n.num), true
	case floatNode:
		return n.flt, !math.IsNaN(n.flt) && !math.IsInf(n.flt, 0)
	case boolNode:
		return n.bit, true
	}
	return nil, false
}

func (d *declaration) at(key string) pos {
	if n := d.t.get(key); n != nil {
		return n.pos
	}
	return d.t.place()
}

func (d *declaration) id(id, what string) {
	switch {
	case d.bad["id"]:
	case d.t.get("id") == nil:
		d.problems.add(d.t.place(), "", "it names the file: id = \"ppl-by-rank\"", "%s lacks id", d.title)
	case !safename.Valid(id):
		d.problems.add(d.at("id"), "", "use letters, digits, - and _", "the %s id %q cannot be part of a file name", what, id)
	}
}

// column checks a key that names one column.
func (d *declaration) column(key, value string) {
	switch {
	case d.bad[key]:
	case d.t.get(key) == nil:
		d.problems.add(d.t.place(), "", "", "%s lacks %s", d.title, key)
	case strings.TrimSpace(value) == "":
		d.problems.add(d.at(key), "", "", "%s names no column", key)
	default:
		d.bad[key] = !d.known(d.at(key), value)
	}
}

// columns checks a list of columns: none empty, unknown or repeated.
func (d *declaration) columns(key string, list []string) {
	for i, column := range list {
		switch {
		case d.problems.full():
			return
		case strings.TrimSpace(column) == "":
			d.problems.add(d.at(key), "", "", "%s names an empty column", key)
		case slices.Contains(list[:i], column):
			d.problems.add(d.at(key), "", "", "%s names %q twice", key, column)
		default:
			d.known(d.at(key), column)
		}
	}
}

// selected checks the columns that runs are selected by.
func (d *declaration) selected(key string, where map[string]any) {
	for _, column := range slices.Sorted(maps.Keys(where)) {
		d.known(d.at(key), column)
	}
}

// known reports whether runs can have a column; if not, that is a problem.
func (d *declaration) known(at pos, column string) bool {
	settings := settingColumns()
	switch {
	case d.problems.full(), slices.Contains(d.parts, column), view.IsResult(column), slices.Contains(settings, column):
		return true
	case slices.Contains(view.SubspaceResults(), column):
		d.problems.add(at, "", "", "%s is recorded refresh by refresh: it is drawn by a figure with source = %q", column, view.Subspace)
		return false
	}
	if _, _, ok := lookup(column); ok {
		return true
	}
	suggestion, _ := didYouMean(column, slices.Concat(settings, view.DefaultColumns(), []string{"loss", "tokens_seen"}, d.parts))
	d.problems.add(at, suggestion, "", "there is no column %q", column)
	return false
}

// settingColumns lists the columns that every record has beside its results:
// settings by their short names, and the labels of a run.
func settingColumns() []string {
	columns := []string{"method", "kind", "label", "seed", "category", "corpus_digest", "tokenizer_digest", "init_digest", "effective_lr"}
	for _, section := range sectionNames() {
		if section == "diagnostics" {
			continue
		}
		columns = append(columns, sectionKeys(section)...)
	}
	return columns
}

func (d *declaration) needList(key string, list []string) {
	if d.bad[key] {
		return
	}
	if len(list) == 0 {
		if d.t.get(key) == nil {
			d.problems.add(d.t.place(), "", "", "%s lacks %s", d.title, key)
		} else {
			d.problems.add(d.at(key), "", "", "%s names no column", key)
		}
	}
	d.columns(key, list)
}

func (d *declaration) oneOf(key, value string, needed bool, options ...string) {
	switch {
	case d.bad[key] || slices.Contains(options, value):
	case d.t.get(key) == nil && needed:
		d.problems.add(d.t.place(), "", "choose from "+joinOr(options), "%s lacks %s", d.title, key)
	case d.t.get(key) != nil:
		suggestion, _ := didYouMean(value, options)
		d.problems.add(d.at(key), suggestion, "choose from "+joinOr(options), "unknown %s %q", key, value)
	}
}

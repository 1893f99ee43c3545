package spec

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/view"
)

// comparison checks what a [[table]] compares: compare_to names a method of the
// experiment, and compare columns of the table whose results vary over seeds.
func (e *expander) comparison(d *declaration, table view.Table) {
	if d.t.get("compare_to") == nil {
		if d.t.get("compare") != nil && !d.bad["compare_to"] {
			d.problems.add(d.at("compare"), "", `write compare_to = "METHOD"`, "compare needs compare_to: what the rows are compared with")
		}
		return
	}
	if d.bad["compare_to"] {
		return
	}
	d.selected("compare_to", table.CompareTo)
	if len(table.CompareTo) == 0 {
		d.problems.add(d.at("compare_to"), "", `write compare_to = "METHOD"`, "compare_to selects nothing")
	}
	for _, method := range texts(table.CompareTo["method"]) {
		if names := e.methodNames(); !slices.Contains(names, method) {
			suggestion, _ := didYouMean(method, names)
			d.problems.add(d.at("compare_to"), suggestion, "the methods here are "+strings.Join(names, ", "), "compare_to: there is no method %q", method)
		}
	}
	columns := table.Columns
	if d.t.get("columns") == nil {
		columns = view.DefaultColumns()
	}
	if d.bad["compare"] || d.bad["columns"] {
		return
	}
	if d.t.get("compare") == nil {
		if !slices.ContainsFunc(view.CompareByDefault(), func(name string) bool { return slices.Contains(columns, name) }) {
			d.problems.add(d.at("compare_to"), "", `name one with compare = ["COLUMN"]`, "compare_to needs one of the columns %s", strings.Join(view.CompareByDefault(), ", "))
		}
		return
	}
	d.needList("compare", table.Compare)
	for _, name := range table.Compare {
		switch c := view.Describe(name); {
		case !slices.Contains(columns, name):
			suggestion, _ := didYouMean(name, columns)
			d.problems.add(d.at("compare"), suggestion, "the columns are "+strings.Join(columns, ", "), "compare names %q, which is not a column of the table", name)
		case !view.Comparable(c):
			d.problems.add(d.at("compare"), "", "", "compare names %q, which is %s", name, incomparable(c))
		}
	}
}

func incomparable(c view.Column) string {
	if c.Exact {
		return "exact: it is the same for every seed"
	}
	return "not a result that varies over seeds"
}

// texts lists the strings of a selected value or list of values.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			list = append(list, fmt.Sprint(item))
		}
		return list
	}
	return nil
}

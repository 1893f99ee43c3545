package spec

import (
	"errors"
	"slices"
	"strings"

	"ranklab/harness/expr"
	"ranklab/harness/view"
	"ranklab/internal/safename"
)

// readClaims reads [[claim]]: statements about results, for harness/view.
func (e *expander) readClaims() []view.Claim {
	var out []view.Claim
	for _, t := range tables(e.root.get("claim"), "claim", e.problems) {
		var c view.Claim
		d := e.declaration(t, "[[claim]]", &c)
		d.label(c.ID, "claim", "galore-close-to-full-rank")
		switch n := t.get("expr"); {
		case d.bad["expr"]:
		case n == nil:
			e.problems.add(t.place(), "", `it says what is claimed: expr = "ppl[galore] <= 1.03 * ppl[adamw]"`, "[[claim]] lacks expr")
		default:
			e.checkClaim(n)
		}
		out = append(out, c)
	}
	e.uniqueIDs("claim")
	return out
}

// checkClaim reports what is wrong in an expression, at its place in the string.
func (e *expander) checkClaim(n *node) {
	root, err := expr.Parse(n.str)
	var wrong *expr.Error
	if errors.As(err, &wrong) {
		e.problems.add(n.within(wrong.Span.Start, wrong.Span.End), wrong.Suggestion, "", "%s", wrong.Message)
		return
	}
	root.Walk(func(x *expr.Node) {
		if x.Op != expr.Select || e.problems.full() {
			return
		}
		if !view.IsResult(x.Column) {
			e.claimColumn(n, x.At, x.Column, view.Results())
		}
		for _, f := range x.Filters {
			at := f.Span
			if !f.Bare {
				at.End = at.Start + len(f.Key)
				e.claimColumn(n, at, f.Key, nil)
			}
			if name, ok := f.Value.(string); ok && f.Key == "method" {
				e.claimMethod(n, f, name)
			}
		}
	})
}

// claimColumn reports a column that is neither a setting nor one of results.
func (e *expander) claimColumn(n *node, at expr.Span, column string, results []string) {
	settings := settingColumns()
	if _, _, ok := lookup(column); ok || slices.Contains(settings, column) {
		return
	}
	suggestion, _ := didYouMean(column, slices.Concat(results, settings))
	hint := ""
	if suggestion == "" && results != nil {
		hint = "results: " + strings.Join(results, ", ")
	}
	what := "there is no column %q"
	if results == nil {
		what = "there is no setting %q"
		if view.IsResult(column) {
			what = "runs are selected by settings, not by a result as %q"
		}
	}
	e.problems.add(n.within(at.Start, at.End), suggestion, hint, what, column)
}

// claimMethod reports a method that the experiment does not have.
func (e *expander) claimMethod(n *node, f expr.Filter, name string) {
	methods := e.methodNames()
	if slices.Contains(methods, name) {
		return
	}
	suggestion, _ := didYouMean(name, methods)
	hint := "the methods here are " + strings.Join(methods, ", ")
	if f.Bare {
		hint += "; another condition is written SETTING=" + name
	}
	e.problems.add(n.within(f.At.Start, f.At.End), suggestion, hint, "there is no method %q", name)
}

// label checks an id that names no file.
func (d *declaration) label(id, what, example string) {
	switch {
	case d.bad["id"]:
	case d.t.get("id") == nil:
		d.problems.add(d.t.place(), "", `it names the `+what+`: id = "`+example+`"`, "%s lacks id", d.title)
	case !safename.Valid(id):
		d.problems.add(d.at("id"), "", "use letters, digits, - and _", "the %s id %q is no plain name", what, id)
	}
}

package spec

import (
	"slices"
	"strings"
	"unicode"
)

// readCases reads [[case]]: explicit points over the fixed values of a method.
func (e *expander) readCases() map[*variant][]point {
	out := make(map[*variant][]point)
	for _, t := range tables(e.root.get("case"), "case", e.problems) {
		v, ok := e.caseVariant(t)
		if !ok {
			continue
		}
		label := ""
		if n := t.get("label"); n != nil {
			if n.kind != stringNode || n.str == "" {
				e.problems.add(n.pos, "", "", "label takes a string that is not empty, not %s", n.describe())
			} else if strings.ContainsFunc(n.str, unicode.IsControl) {
				e.problems.add(n.pos, "", "", "label holds a control character")
			}
			label = n.str
		}
		s := methodScope("[[case]]", rawMethod(v.table), "method", "label", "set")
		own := s.assignments(t, e.problems)
		if set := e.table(t, "set", "set = { rank = 64 }"); set != nil {
			s.skip = nil
			own = append(own, s.assignments(set, e.problems)...)
		}
		var named []string
		for _, a := range own {
			named = append(named, a.key)
			if !slices.Contains(v.swept, a.key) {
				v.swept = append(v.swept, a.key)
			}
		}
		out[v] = append(out[v], point{variant: v, list: slices.Concat(v.fixed, own, v.final), named: named, label: label, at: t.place()})
	}
	return out
}

func (e *expander) caseVariant(t *node) (*variant, bool) {
	n := t.get("method")
	if n == nil {
		e.problems.add(t.place(), "", `write method = "NAME", one of `+joinOr(e.methodNames()), "a [[case]] names the method it adds a run to")
		return nil, false
	}
	if n.kind != stringNode {
		e.problems.add(n.pos, "", "", "method takes the name of a method, not %s", n.describe())
		return nil, false
	}
	for _, v := range e.variants {
		if v.name == n.str {
			return v, true
		}
	}
	if slices.Contains(e.methodNames(), n.str) {
		return nil, false // its table has a problem of its own
	}
	suggestion, _ := didYouMean(n.str, e.methodNames())
	e.problems.add(n.pos, suggestion, "the methods here are "+strings.Join(e.methodNames(), ", "), "there is no method %q", n.str)
	return nil, false
}

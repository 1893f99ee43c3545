package spec

import (
	"slices"
	"strings"

	"ranklab/harness/view"
)

// readContract reads [contract]: what the runs of a comparison have to share.
func (e *expander) readContract() *view.Contract {
	t := e.table(e.root, "contract", "[contract]")
	if t == nil {
		return nil
	}
	c := &view.Contract{}
	d := e.declaration(t, "[contract]", c)
	d.selected("where", c.Where)
	known := slices.Concat(view.Quantities(), settingColumns())
	hint := "quantities: " + strings.Join(view.Quantities(), ", ") + "; or any setting"
	switch {
	case d.bad["same"]:
	case len(c.Same) == 0:
		e.problems.add(d.at("same"), `write same = ["init", "data_order", "eval_set"]`, hint, "[contract] names nothing that runs have to share")
	}
	for i, name := range c.Same {
		switch {
		case e.problems.full():
			return c
		case slices.Contains(c.Same[:i], name):
			e.problems.add(d.item("same", i), "", "", "same names %q twice", name)
		case !slices.Contains(known, name):
			if _, _, ok := lookup(name); ok {
				continue
			}
			suggestion, _ := didYouMean(name, known)
			e.problems.add(d.item("same", i), suggestion, hint, "there is no quantity %q", name)
		}
	}
	return c
}

// item returns the place of an element of a list.
func (d *declaration) item(key string, i int) pos {
	if n := d.t.get(key); n != nil && n.kind == arrayNode && i < len(n.items) {
		return n.items[i].pos
	}
	return d.at(key)
}

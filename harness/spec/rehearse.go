package spec

import (
	"fmt"
	"slices"

	"ranklab/harness/view"
)

// maxRehearsed bounds the configurations among which declarations are tried.
const maxRehearsed = 1000

// rehearse tries figures, tables, claims and contract on the runs of one seed, as if
// they had finished: one that would come to nothing is a problem now, not after
// hours of training. With -S, or in a file that extends another, there may be other
// runs than a declaration was written for: then it is a note.
func (e *expander) rehearse(x *Experiment) {
	missing := slices.ContainsFunc(x.Rates, func(r Rate) bool { return r.Missing != "" })
	if len(e.problems.list) > 0 || missing || len(x.Runs) == 0 || len(x.Runs)/len(x.Seeds) > maxRehearsed {
		return
	}
	var planned []view.Row
	for i, inst := range x.Runs {
		if inst.Seed != x.Runs[0].Seed {
			break
		}
		row := view.Row{ID: fmt.Sprintf("%012d", i), Label: inst.Label, Method: inst.Variant, Kind: inst.Run.Method.Kind, Seed: inst.Seed}
		planned = append(planned, row.Planned(inst.Run.Settings(), inst.Axes))
	}
	for _, flop := range x.Rehearse(planned) {
		what := flop.Kind
		if flop.ID != "" {
			what = fmt.Sprintf("%s %q", flop.Kind, flop.ID)
		}
		at := e.declared(flop)
		if len(e.overrides.names) > 0 || at.src != e.root.pos.src {
			e.note("%s (%s) comes to nothing here: %s", what, at, flop.Text())
		} else {
			e.problems.add(at, "", "with a result of every run it would still come to nothing", "%s: %s", what, flop.Text())
		}
	}
}

// declared is the place of a declaration.
func (e *expander) declared(flop view.Flop) pos {
	list := e.root.get(flop.Kind)
	if list == nil || list.kind != arrayNode {
		if list != nil {
			return list.place()
		}
		return e.root.pos
	}
	for _, t := range list.items {
		if id := t.get("id"); id != nil && id.str == flop.ID {
			return id.pos
		}
	}
	return list.place()
}

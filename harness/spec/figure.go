package spec

import (
	"slices"

	"ranklab/harness/view"
)

// ofKind checks the keys that belong to some kinds of figure only, and says of
// the others where they belong.
func (d *declaration) ofKind(f view.Figure) {
	d.formats(f.Formats)
	if !slices.Contains(view.Kinds(), f.Kind) {
		return // nothing is known of the other keys
	}
	for _, key := range d.t.names {
		if kinds := view.KindsWith(key); kinds != nil && !slices.Contains(kinds, f.Kind) {
			d.problems.add(d.t.get(key).place(), "", "", "%s needs kind %s", key, joinOr(quoted(kinds)))
		}
	}
	switch f.Kind {
	case view.StackedBar:
		d.column("stack", f.Stack)
	case view.HeatMap:
		d.column("z", f.Z)
		d.oneOf("zscale", f.ZScale, false, view.Linear, view.Log)
		if f.X == f.Y && f.X != "" {
			d.problems.add(d.at("y"), "", "", "a heat_map needs two different columns as x and y")
		}
	case view.Frontier:
		if f.X == "step" {
			d.problems.add(d.at("x"), "an amount of memory or time, such as \"optimizer_state_bytes\" or \"train_seconds\"", "", "a frontier shows one point per configuration: it has no step")
		}
		if f.XScale == view.Category {
			d.problems.add(d.at("xscale"), "", "choose from linear or log", "a frontier needs numbers on its x axis")
		}
	case view.Line:
		d.oneOf("band", f.Band, false, view.Bands()...)
	}
	if d.t.get("facet") != nil && slices.Contains(view.KindsWith("facet"), f.Kind) {
		d.column("facet", f.Facet)
	}
}

// formats checks the list of files to draw.
func (d *declaration) formats(list []string) {
	if n := d.t.get("formats"); n != nil && len(list) == 0 && !d.bad["formats"] {
		d.problems.add(n.pos, "", "choose from "+joinOr(view.Formats())+"; without the key, all are drawn", "formats names no format")
	}
	for i, format := range list {
		switch {
		case d.problems.full():
			return
		case slices.Contains(list[:i], format):
			d.problems.add(d.at("formats"), "", "", "formats names %q twice", format)
		case !slices.Contains(view.Formats(), format):
			suggestion, _ := didYouMean(format, view.Formats())
			d.problems.add(d.at("formats"), suggestion, "choose from "+joinOr(view.Formats()), "unknown format %q", format)
		}
	}
}

func quoted(words []string) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = `"` + w + `"`
	}
	return list
}

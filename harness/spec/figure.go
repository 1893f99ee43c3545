package spec

import "ranklab/harness/view"

// faults reports what the keys of a figure say in vain or against each other,
// each at its place.
func (d *declaration) faults(f view.Figure) {
	if n := d.t.get("formats"); n != nil && len(f.Formats) == 0 && !d.bad["formats"] {
		d.problems.add(n.pos, "", "choose from "+joinOr(view.Formats())+"; without the key, all are drawn", "formats names no format")
	}
	for _, fault := range f.Faults() {
		n := d.t.get(fault.Key)
		if n == nil || d.bad[fault.Key] && !fault.Vain || d.problems.full() {
			continue // reported as missing, or as something that cannot be read
		}
		at, suggestion, hint := n.pos, fault.Instead, ""
		if fault.Vain {
			at = n.place()
		}
		if fault.Options != nil {
			suggestion, _ = didYouMean(fault.Value, fault.Options)
			hint = "choose from " + joinOr(fault.Options)
		}
		d.problems.add(at, suggestion, hint, "%s", fault.Text)
	}
}

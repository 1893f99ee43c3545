package spec

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"ranklab/harness/view"
)

// readReferences reads [[reference]]: published numbers, for harness/view.
func (e *expander) readReferences() []view.Reference {
	var out []view.Reference
	for _, t := range tables(e.root.get("reference"), "reference", e.problems) {
		var r view.Reference
		d := e.declaration(t, "[[reference]]", &r)
		d.label(r.ID, "reference", "paper")
		d.source(r.Source)
		if r.Tolerance < 0 || r.Tolerance >= 1 {
			e.problems.add(d.at("tolerance"), "", "0.02 is 2 %", "tolerance is a relative deviation from 0 to below 1, not %v", r.Tolerance)
		}
		e.checkValues(d, r)
		e.checkCompare(d, r)
		e.checkScale(d, r)
		out = append(out, r)
	}
	e.uniqueIDs("reference")
	return out
}

// referenceIDs lists the references that tables and figures may name.
func (e *expander) referenceIDs() []string {
	var ids []string
	list := e.root.get("reference")
	if list == nil || list.kind != arrayNode {
		return nil
	}
	for _, t := range list.items {
		if n := t.get("id"); n != nil && n.kind == stringNode && !slices.Contains(ids, n.str) {
			ids = append(ids, n.str)
		}
	}
	return ids
}

// reference checks the key of a table or a figure that names one.
func (d *declaration) reference(id string, known []string) {
	if d.bad["reference"] || d.t.get("reference") == nil || slices.Contains(known, id) {
		return
	}
	suggestion, _ := didYouMean(id, known)
	hint := "references are declared as [[reference]]"
	if len(known) > 0 {
		hint = "references here: " + strings.Join(known, ", ")
	}
	d.problems.add(d.at("reference"), suggestion, hint, "there is no reference %q", id)
}

func (d *declaration) source(text string) {
	if !d.bad["source"] && strings.TrimSpace(text) == "" {
		d.problems.add(d.at("source"), "", `it says where the numbers are printed: source = "arXiv:2403.03507 Table 2, 130M"`, "[[reference]] lacks source")
	}
}

// checkValues checks the published numbers: each entry selects runs by settings
// and has at least one result.
func (e *expander) checkValues(d *declaration, r view.Reference) {
	if d.bad["values"] {
		return
	}
	if len(r.Values) == 0 {
		e.problems.add(d.at("values"), "", `values = [{ method = "adamw", ppl = 25.08 }]`, "[[reference]] has no values")
		return
	}
	for _, t := range d.t.get("values").items {
		settings, results := 0, 0
		for _, name := range t.names {
			n := t.children[name]
			switch {
			case e.problems.full():
				return
			case view.IsResult(name):
				results++
				if v, ok := scalar(n); ok {
					if _, ok := view.ParsePublished(name, v); !ok {
						e.problems.add(n.pos, "", publishedForms(name), "%s is a number, not %s", name, n.describe())
					}
				}
			default:
				settings++
				d.known(n.place(), name)
				e.nearMethod(name, n)
			}
		}
		if settings == 0 {
			e.problems.add(t.pos, "", `it selects a row of a table: method = "adamw"`, "the entry does not say of which runs it is")
		}
		if results == 0 && settings > 0 {
			e.problems.add(t.pos, "", "results: "+strings.Join(view.Results(), ", "), "the entry holds no result")
		}
	}
}

// publishedForms says how a number may be written.
func publishedForms(column string) string {
	if view.Describe(column).Kind == view.Bytes {
		return `write bytes, or "0.76G" in the unit of arXiv:2403.03507 (1024·10⁶ bytes), "760 MB", "725 MiB"`
	}
	return `write 25.08, or a count as "2.2B"`
}

// nearMethod reports a method that is most likely one of the experiment,
// misspelt. Other methods than the experiment's may be listed.
func (e *expander) nearMethod(key string, n *node) {
	methods := e.methodNames()
	if key != "method" || n.kind != stringNode || slices.Contains(methods, n.str) {
		return
	}
	for _, known := range methods {
		if len(n.str) > 3 && Nearest(n.str, []string{known}) != "" && !strings.HasPrefix(n.str, known) && !strings.HasPrefix(known, n.str) {
			e.problems.add(n.pos, `did you mean "`+known+`"?`, "", "there is no method %q", n.str)
			return
		}
	}
}

// checkCompare checks which own column each published one stands against.
func (e *expander) checkCompare(d *declaration, r view.Reference) {
	t := d.t.get("compare")
	if d.bad["compare"] || t == nil {
		return
	}
	for _, name := range t.names {
		n := t.children[name]
		if e.problems.full() {
			return
		}
		if !slices.ContainsFunc(r.Values, func(v map[string]any) bool { _, ok := v[name]; return ok }) {
			suggestion := ""
			if !view.IsResult(name) {
				suggestion, _ = didYouMean(name, view.Results())
			}
			e.problems.add(n.place(), suggestion, "", "compare names %q, of which there is no value", name)
		}
		if !view.IsResult(n.str) {
			suggestion, _ := didYouMean(n.str, view.Results())
			e.problems.add(n.pos, suggestion, "results: "+strings.Join(view.Results(), ", "), "there is no result %q", n.str)
		}
	}
}

// scaleKeys lists what a scale may hold beside settings.
func scaleKeys() []string { return []string{"parameters", "tokens", "positions", "dataset"} }

// checkScale checks the settings behind the published numbers.
func (e *expander) checkScale(d *declaration, r view.Reference) {
	t := d.t.get("scale")
	if d.bad["scale"] || t == nil {
		return
	}
	for _, name := range t.names {
		n := t.children[name]
		switch {
		case e.problems.full():
			return
		case slices.Contains([]string{"parameters", "tokens", "positions"}, name):
			if v, ok := scalar(n); !ok || !isPublished(v) {
				e.problems.add(n.pos, "", `write 134105856, or "130M"`, "%s is a count above 0, not %s", name, n.describe())
			}
		case name == "dataset":
			if n.kind != stringNode {
				e.problems.add(n.pos, "", "", "dataset is a data.source, not %s", n.describe())
			} else if s, _ := didYouMean(n.str, sources()); s != "" && !slices.Contains(sources(), n.str) {
				e.problems.add(n.pos, s, "", "there is no data.source %q", n.str)
			}
		case n.kind == arrayNode || n.kind == tableNode:
			e.problems.add(n.pos, "", "", "scale gives one value for %s, not %s", name, n.describe())
		default:
			if _, _, ok := lookup(name); ok || slices.Contains(settingColumns(), name) {
				continue
			}
			suggestion, _ := didYouMean(name, slices.Concat(scaleKeys(), settingColumns()))
			e.problems.add(n.place(), suggestion, "a scale holds "+strings.Join(scaleKeys(), ", ")+" and settings", "there is no setting %q", name)
		}
	}
}

func isPublished(v any) bool {
	x, ok := view.ParsePublished("", v)
	return ok && x > 0
}

// decodeNames decodes a table of strings.
func decodeNames(name string, v reflect.Value, n *node) *misfit {
	if n.kind != tableNode {
		return unfit(name, "a table of columns, as { ppl = \"ppl_galore77\" }", n)
	}
	names := make(map[string]string)
	for _, key := range n.names {
		if n.children[key].kind != stringNode {
			return &misfit{message: fmt.Sprintf("%s names a column for %s, not %s", name, key, n.children[key].describe())}
		}
		names[key] = n.children[key].str
	}
	v.Set(reflect.ValueOf(names))
	return nil
}

// decodeEntries decodes a list of tables of single values.
func decodeEntries(name string, v reflect.Value, n *node) *misfit {
	if n.kind != arrayNode {
		return unfit(name, "a list of tables, as [{ method = \"adamw\", ppl = 25.08 }]", n)
	}
	var list []map[string]any
	for i, item := range n.items {
		if item.kind != tableNode {
			return &misfit{message: fmt.Sprintf("%s holds tables; element %d is %s", name, i+1, item.describe())}
		}
		entry := make(map[string]any)
		for _, key := range item.names {
			x, ok := scalar(item.children[key])
			if f, isFloat := x.(float64); !ok || isFloat && math.IsNaN(f) {
				return &misfit{message: fmt.Sprintf("%s takes a string, a number or a boolean for %s, not %s", name, key, item.children[key].describe())}
			}
			entry[key] = x
		}
		list = append(list, entry)
	}
	v.Set(reflect.ValueOf(list))
	return nil
}

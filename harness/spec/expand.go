package spec

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/internal/safename"
)

const (
	maxRuns    = 10_000 // of an experiment, seeds included
	maxMethods = 256    // tables of methods
)

// topKeys lists what an experiment may hold.
func topKeys() []string {
	return []string{"extends", "name", "title", "question", "seeds", "seed", "model", "data", "init", "train", "eval", "diagnostics", "method", "sweep", "case", "figure", "table", "tune", "claim", "contract", "reference"}
}

// An expander turns one merged tree into points.
type expander struct {
	root      *node
	overrides *node // what the command line sets; also merged into root
	problems  *collector
	notes     []string

	files     files
	locks     map[string]*lockFile // by name, nil after a problem
	tune      *Tune                // nil without [tune]
	tuneTable *node
	tuneBad   bool     // its grid cannot be used
	tuned     []string // methods with lr = "tuned"
	rates     []Rate   // of all methods, if one of them is tuned

	base     []assignment // the protocol
	shared   []axis       // axes of [sweep]
	variants []*variant
}

// A variant is one method table.
type variant struct {
	name  string
	table *node
	fixed []assignment // the protocol, then the table
	known Method       // what fixed says of the method
	final []assignment // what the command line sets, over everything else
	axes  []axis
	swept []string // keys of axes and cases, in order: they are the columns of figures
}

// A point is one run without its seed.
type point struct {
	variant *variant
	list    []assignment
	named   []string // keys that its label shows: those of its axes, or those its case sets
	label   string   // that a case gives
	at      pos      // where it was asked for
}

// expand lists the points: for each method the product of its axes, then its
// cases.
func (e *expander) expand() []point {
	e.checkTop()
	for _, section := range protocolSections() {
		if t := e.table(e.root, section, "["+section+"]"); t != nil {
			e.base = append(e.base, sectionScope(section).assignments(t, e.problems)...)
		}
	}
	e.readMethods()
	e.readSharedAxes()
	for _, v := range e.variants {
		e.readOwnAxes(v)
		e.finish(v)
	}
	cases := e.readCases()
	var points []point
	total, tooMany := 0, false
	for _, v := range e.variants {
		n := 1
		for _, a := range v.axes {
			if n *= a.size(); n > maxRuns {
				break
			}
		}
		if total += n; total > maxRuns && !tooMany {
			e.problems.add(v.table.place(), "", "", "with the axes of this method the sweep has more than %d runs", maxRuns)
			tooMany = true
		}
		if tooMany {
			for i := range v.axes {
				v.axes[i].steps = v.axes[i].steps[:1] // one run is enough to check the rest
			}
		}
		points = append(points, v.product()...)
		points = append(points, cases[v]...)
	}
	return points
}

// checkTop reports unknown keys of the file itself.
func (e *expander) checkTop() {
	methods := strings.Join(e.methodNames(), ", ")
	for _, name := range e.root.names {
		if slices.Contains(topKeys(), name) || e.problems.full() {
			continue
		}
		n := e.root.children[name]
		suggestion, hint := "", ""
		methodKeys := sectionKeys("method")
		switch meant := name; {
		case slices.Contains(e.methodNames(), name):
			suggestion = `did you mean "method.` + name + `"?`
		case slices.Contains(methodKeys, meant), alias(name, methodKeys) != "":
			if !slices.Contains(methodKeys, meant) {
				meant = alias(name, methodKeys)
			}
			suggestion = "write method.NAME." + meant
			if methods != "" {
				hint = "the methods here are " + methods
			}
		default:
			if suggestion, _ = didYouMeanKey(name, "", topKeys()); suggestion == "" {
				hint = "an experiment holds " + strings.Join(topKeys(), ", ")
			}
		}
		e.problems.add(n.place(), suggestion, hint, "unknown key %q at the top level", name)
	}
}

func (e *expander) methodNames() []string {
	if t := e.root.get("method"); t != nil {
		return t.names
	}
	return nil
}

// table returns a child that has to be a table, or nil.
func (e *expander) table(t *node, name, write string) *node {
	n := t.get(name)
	if n == nil || n.kind == tableNode {
		return n
	}
	if n.kind != invalidNode {
		e.problems.add(n.place(), "write "+write, "", "%s is a table, not %s", name, n.describe())
	}
	return nil
}

func (e *expander) readMethods() {
	methods := e.table(e.root, "method", "[method.NAME]")
	if methods == nil || len(methods.names) == 0 {
		if methods != nil || e.root.get("method") == nil {
			e.problems.add(e.root.pos, "", "add a table such as [method.adamw] with kind = \"adamw\" and lr = 1e-3", "the experiment has no method: nothing to run")
		}
		return
	}
	for _, name := range methods.names {
		t := e.table(methods, name, "[method."+name+"]")
		if t == nil {
			continue
		}
		if !safename.Valid(name) {
			e.problems.add(t.place(), "", "use letters, digits, - and _", "the method name %q cannot be part of a file name", name)
			continue
		}
		title := "[method." + name + "]"
		own := methodScope(title, rawMethod(t), "sweep").assignments(t, e.problems)
		fixed := slices.Concat(e.base, own)
		e.variants = append(e.variants, &variant{name: name, table: t, fixed: fixed, known: resolve(name, fixed, &collector{}).run.Method})
	}
}

// readSharedAxes reads [sweep] and [[sweep.zip]].
func (e *expander) readSharedAxes() {
	t := e.table(e.root, "sweep", "[sweep]")
	if t == nil {
		return
	}
	axes := slices.Concat(axesOf(methodScope("[sweep]", Method{}, "zip"), t, e.problems), zipped(t.get("zip"), e.problems))
	e.shared = distinct(nil, axes, e.problems)
	if len(t.names) == 0 {
		e.problems.add(t.place(), "", "", "[sweep] holds no axis")
	}
}

// readOwnAxes gives a method its axes: those of [sweep], then those of its own
// sweep table.
func (e *expander) readOwnAxes(v *variant) {
	for _, a := range e.shared {
		for _, key := range a.keys {
			if v.lacks(key) {
				e.reportLacking(key, a.places[key])
				continue
			}
		}
		for _, key := range slices.Clone(a.keys) {
			if v.lacks(key) {
				a, _ = a.without(key)
			}
		}
		if len(a.keys) > 0 {
			v.axes = append(v.axes, a)
		}
	}
	t := v.table.get("sweep")
	if t == nil {
		return
	}
	title := "[method." + v.name + ".sweep]"
	if t.kind != tableNode {
		e.problems.add(t.place(), "write "+title, "", "sweep is a table of axes, not %s", t.describe())
		return
	}
	if len(t.names) == 0 {
		e.problems.add(t.place(), "", "", "%s holds no axis", title)
	}
	own := axesOf(methodScope(title, rawMethod(v.table)), t, e.problems)
	v.axes = append(v.axes, distinct(v.axes, own, e.problems)...)
}

// lacks reports whether a key of a method has no meaning for this one.
func (v *variant) lacks(key string) bool {
	short, isMethod := cutSection(key, "method")
	if !isMethod {
		return false
	}
	name, _, _ := strings.Cut(short, ".")
	ok, _ := v.known.has(name)
	return !ok
}

func (e *expander) reportLacking(key string, at pos) {
	var with, without []string
	for _, v := range e.variants {
		if v.lacks(key) {
			without = append(without, v.name)
		} else {
			with = append(with, v.name)
		}
	}
	if len(with) == 0 {
		e.problems.add(at, "", "", "sweep axis %q applies to no method here", axisName(key))
		return
	}
	tables := make([]string, len(with))
	for i, name := range with {
		tables[i] = "[method." + name + ".sweep]"
	}
	e.problems.add(at, "", "move it to "+strings.Join(tables, " and "), "sweep axis %q applies to %s but not %s", axisName(key), strings.Join(with, ", "), strings.Join(without, ", "))
}

// finish lets the command line win over the axes of a variant, and notes the
// swept keys.
func (e *expander) finish(v *variant) {
	for _, section := range protocolSections() {
		if t := e.overrides.get(section); t != nil && t.kind == tableNode {
			v.final = append(v.final, sectionScope(section).assignments(t, &collector{})...)
		}
	}
	if t := e.overrides.get("method").get(v.name); t != nil && t.kind == tableNode {
		v.final = append(v.final, methodScope("", Method{}, "sweep").assignments(t, &collector{})...)
	}
	v.final = slices.DeleteFunc(v.final, func(a assignment) bool { return a.value.unset() })
	var axes []axis
	for _, a := range v.axes {
		for _, set := range v.final {
			if at, swept := a.places[set.key]; swept && slices.Contains(a.keys, set.key) {
				a, _ = a.without(set.key)
				e.note("%s on the command line replaces the axis %s of %s (%s)", axisName(set.key), axisName(set.key), v.name, at)
			}
		}
		if len(a.keys) > 0 {
			axes = append(axes, a)
			v.swept = append(v.swept, a.keys...)
		}
	}
	v.axes = axes
}

func (e *expander) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(e.notes, n) {
		e.notes = append(e.notes, n)
	}
}

// product lists the points of all axes, the last axis fastest.
func (v *variant) product() []point {
	lists := [][]assignment{nil}
	at := v.table.place()
	for _, a := range v.axes {
		at = a.places[a.keys[0]]
		var next [][]assignment
		for _, list := range lists {
			for _, step := range a.steps {
				next = append(next, slices.Concat(list, step))
			}
		}
		lists = next
	}
	var named []string
	for _, a := range v.axes {
		named = append(named, a.keys...)
	}
	points := make([]point, len(lists))
	for i, list := range lists {
		points[i] = point{variant: v, list: slices.Concat(v.fixed, list, v.final), named: named, at: at}
	}
	return points
}

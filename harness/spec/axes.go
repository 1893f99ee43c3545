package spec

import (
	"reflect"
	"slices"
	"strings"
)

// An axis is one dimension of a sweep: a key and its values, or several keys
// that move together ([[sweep.zip]]).
type axis struct {
	keys   []string
	places map[string]pos
	steps  [][]assignment // one value per key
}

// size returns the number of steps.
func (a axis) size() int { return len(a.steps) }

// without returns the axis without a key; the last key takes the axis away.
func (a axis) without(key string) (axis, bool) {
	out := axis{places: a.places}
	for _, k := range a.keys {
		if k != key {
			out.keys = append(out.keys, k)
		}
	}
	for _, step := range a.steps {
		out.steps = append(out.steps, slices.DeleteFunc(slices.Clone(step), func(x assignment) bool { return x.key == key }))
	}
	return out, len(out.keys) > 0
}

// axesOf reads the axes of a sweep table: one per key.
func axesOf(s scope, t *node, problems *collector) []axis {
	var list []axis
	s.walk(t, "", problems, func(key string, n *node) {
		if values, ok := axisValues(s, key, n, problems); ok {
			a := axis{keys: []string{key}, places: map[string]pos{key: n.place()}}
			for _, v := range values {
				a.steps = append(a.steps, []assignment{{key, v}})
			}
			list = append(list, a)
		}
	})
	return list
}

// axisValues checks that a value is a list of values that each fit the key.
func axisValues(s scope, key string, n *node, problems *collector) (values []*node, ok bool) {
	f, sub, known := lookup(key)
	switch {
	case n.kind == invalidNode || !known:
		return nil, false
	case key == "method.kind":
		problems.add(n.place(), "", "write one [method.NAME] table per kind", "kind cannot be swept")
		return nil, false
	case n.kind != arrayNode:
		suggestion := ""
		if n.text != "" {
			suggestion = "write [" + quoteBare(n) + "]"
		}
		problems.add(n.pos, suggestion, "", "an axis is a list of values; %s is %s", axisName(key), n.describe())
		return nil, false
	case len(n.items) == 0:
		problems.add(n.place(), "", "", "the axis %q in %s is empty: it would leave no run", axisName(key), s.title)
		return nil, false
	}
	for _, item := range n.items {
		var scratch Run
		m := &misfit{message: axisName(key) + " takes values, not tables"}
		if item.kind != tableNode {
			m = f.decode(&scratch, sub, item)
		}
		switch {
		case item.kind == invalidNode:
			return nil, false
		case m == nil:
			values = append(values, item)
			continue
		case isList(f) && item.kind != arrayNode:
			m.suggestion, m.hint = "", "a key that holds a list is swept by a list of lists: "+axisName(key)+" = [[…], […]]"
		case item.kind == arrayNode:
			m.hint = ""
		}
		problems.add(item.pos, m.suggestion, m.hint, "%s", m.message)
	}
	return values, len(values) == len(n.items)
}

// zipped reads the axes of [[sweep.zip]].
func zipped(list *node, problems *collector) []axis {
	var axes []axis
	s := methodScope("[[sweep.zip]]", Method{})
	for _, t := range tables(list, "sweep.zip", problems) {
		a := axis{places: make(map[string]pos)}
		good := true
		s.walk(t, "", problems, func(key string, n *node) {
			values, ok := axisValues(s, key, n, problems)
			if !ok {
				good = false
				return
			}
			if len(a.keys) == 0 {
				a.steps = make([][]assignment, len(values))
			} else if len(values) != len(a.steps) {
				first := a.keys[0]
				problems.add(n.place(), "", "", "zipped lists need the same length: %s has %d values, %s has %d", axisName(key), len(values), axisName(first), len(a.steps))
				good = false
				return
			}
			a.keys = append(a.keys, key)
			a.places[key] = n.place()
			for i, v := range values {
				a.steps[i] = append(a.steps[i], assignment{key, v})
			}
		})
		if good && len(a.keys) == 0 && len(t.names) == 0 {
			problems.add(t.place(), "", "", "[[sweep.zip]] holds no lists")
		}
		if good && len(a.keys) > 0 {
			axes = append(axes, a)
		}
	}
	return axes
}

// tables returns the tables of an array of tables; nil stands for none.
func tables(list *node, name string, problems *collector) []*node {
	if list == nil || list.kind == invalidNode {
		return nil
	}
	if list.kind != arrayNode {
		problems.add(list.place(), "write [["+name+"]]", "", "%s takes a list of tables, not %s", name, list.describe())
		return nil
	}
	var out []*node
	for _, item := range list.items {
		if item.kind != tableNode {
			problems.add(item.pos, "", "", "%s takes a list of tables; this is %s", name, item.describe())
			continue
		}
		out = append(out, item)
	}
	return out
}

// distinct drops axes whose key an earlier one has, and reports both places.
func distinct(earlier, list []axis, problems *collector) []axis {
	var out []axis
	for _, a := range list {
		good := true
		for _, key := range a.keys {
			for _, b := range slices.Concat(earlier, out) {
				if first, twice := b.places[key]; twice && slices.Contains(b.keys, key) {
					problems.add(a.places[key], "", "", "%q is swept twice: here and at %s", axisName(key), first)
					good = false
				}
			}
		}
		if good {
			out = append(out, a)
		}
	}
	return out
}

// axisName is how a key is written in a sweep table: method keys without their
// section.
func axisName(key string) string { return strings.TrimPrefix(key, "method.") }

func isList(f *field) bool {
	return f.typ.Kind() == reflect.Slice
}

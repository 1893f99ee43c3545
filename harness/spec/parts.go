package spec

import (
	"cmp"
	"reflect"
)

// What the value of a key decides.
const (
	OfNumbers   = "numbers"   // in both ids: another value gives other numbers
	OfExecution = "execution" // in the run id only: other memory, the same bits
	OfNothing   = ""          // in no id: paths, names, how often to log
)

// A Part is one key of a run with its value.
type Part struct {
	Key   string // dotted: "train.steps"
	Value any    // int, float64, bool or string
	Of    string // OfNumbers | OfExecution | OfNothing
	// Unused keys have the value that stands for their absence. They came later than
	// some runs and are in no id until they are used.
	Unused bool
}

// Parts lists the keys that apply to a run, section by section, with what each
// means for its ids: see [Run.NumbersID] and [Run.RunID].
func (r Run) Parts() []Part {
	var list []Part
	for _, f := range allFields() {
		if ok, _ := r.applies(f.key); !ok || f.key == "method.name" {
			continue
		}
		p := Part{Key: f.key, Of: OfNothing}
		switch {
		case f.numbers:
			p.Of = OfNumbers
		case f.run:
			p.Of = OfExecution
		}
		v := f.value(reflect.ValueOf(r))
		p.Unused = f.unused(v)
		if f.key == "train.state_dtype" && !r.Method.keepsState() {
			p.Of = OfNothing
		}
		if f.typ.Kind() == reflect.Map {
			for _, role := range roles() {
				if _, set := r.Method.LRGroups[role]; set {
					p.Key = f.key + "." + role
					p.Value = columnValue(r, p.Key)
					list = append(list, p)
				}
			}
			continue
		}
		p.Value = columnValue(r, f.key)
		list = append(list, p)
	}
	return list
}

// A Change is a key of which two runs have different values.
type Change struct {
	Key string `json:"key"`
	A   any    `json:"a"` // nil: the key does not apply
	B   any    `json:"b"`
	Of  string `json:"of,omitempty"` // what it decides: OfNumbers | OfExecution | OfNothing
}

// Changes compares two runs key by key, in the order of a resolved run. Nothing
// that differs is left out; what is in no id is told apart by Of.
func Changes(a, b Run) []Change { return ChangesOf(a.Parts(), b.Parts()) }

// ChangesOf is [Changes] of runs whose parts are known.
func ChangesOf(a, b []Part) []Change {
	before, after := byKey(a), byKey(b)
	var list []Change
	for _, key := range allKeys() {
		x, y := before[key], after[key]
		if x.Value != y.Value {
			list = append(list, Change{Key: key, A: x.Value, B: y.Value, Of: cmp.Or(x.Of, y.Of)})
		}
	}
	return list
}

func byKey(parts []Part) map[string]Part {
	m := make(map[string]Part, len(parts))
	for _, p := range parts {
		m[p.Key] = p
	}
	return m
}

// allKeys lists the dotted keys that a run may have, in order.
func allKeys() []string {
	var keys []string
	for _, f := range allFields() {
		switch {
		case f.key == "method.name":
		case f.typ.Kind() == reflect.Map:
			for _, role := range roles() {
				keys = append(keys, f.key+"."+role)
			}
		default:
			keys = append(keys, f.key)
		}
	}
	return keys
}

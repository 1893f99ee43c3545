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
	var list []Change
	note := func(key, of string, before, after any) {
		list = append(list, Change{Key: key, A: before, B: after, Of: of})
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Key != b[0].Key && !holds(b, a[0].Key):
			note(a[0].Key, a[0].Of, a[0].Value, nil)
			a = a[1:]
		case len(a) == 0 || a[0].Key != b[0].Key:
			note(b[0].Key, b[0].Of, nil, b[0].Value)
			b = b[1:]
		default:
			if a[0].Value != b[0].Value {
				note(b[0].Key, cmp.Or(a[0].Of, b[0].Of), a[0].Value, b[0].Value)
			}
			a, b = a[1:], b[1:]
		}
	}
	return list
}

func holds(parts []Part, key string) bool {
	for _, p := range parts {
		if p.Key == key {
			return true
		}
	}
	return false
}

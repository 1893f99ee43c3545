package spec

import (
	"reflect"
	"slices"
	"strings"
)

// A field is one key of a resolved run.
type field struct {
	key     string // dotted: "train.steps"
	section string
	index   []int // of the field in Run
	typ     reflect.Type
	numbers bool   // enters NumbersID, and so RunID
	run     bool   // enters RunID
	later   bool   // came after some runs were stored: may be missing in one, and is left out of the canonical form while unused
	absent  string // the value, beside zero, with which it is unused
}

// sectionNames lists the tables of a resolved run in order.
func sectionNames() []string {
	return []string{"model", "data", "init", "train", "eval", "diagnostics", "method", "seed"}
}

// protocolAndMethod lists the tables that hold settings.
func protocolAndMethod() []string { return sectionNames()[:7] }

// protocolSections lists the tables that a method may patch.
func protocolSections() []string { return sectionNames()[:6] }

// runFields is computed from the struct tags once; nothing writes to it.
var runFields = func() []field {
	var list []field
	run := reflect.TypeFor[Run]()
	for i := range run.NumField() {
		section := run.Field(i).Tag.Get("toml")
		for _, f := range reflect.VisibleFields(run.Field(i).Type) {
			if f.Anonymous {
				continue
			}
			id, option, _ := strings.Cut(f.Tag.Get("identity"), ",")
			list = append(list, field{
				key:     section + "." + f.Tag.Get("toml"),
				section: section,
				index:   append([]int{i}, f.Index...),
				typ:     f.Type,
				numbers: id == "" || id == "numbers",
				run:     id != "-",
				later:   option == "omitzero" || strings.HasPrefix(option, "omit="),
				absent:  strings.TrimPrefix(strings.TrimPrefix(option, "omitzero"), "omit="),
			})
		}
	}
	return list
}()

// allFields lists the keys of a resolved run, section by section.
func allFields() []field { return runFields }

// lookup finds the field of a dotted key. Keys below a map ("method.lr_groups.attn")
// find the map and return the rest as sub.
func lookup(key string) (f *field, sub string, ok bool) {
	for i := range runFields {
		f = &runFields[i]
		if f.key == key && f.typ.Kind() != reflect.Map {
			return f, "", true
		}
		if f.typ.Kind() == reflect.Map {
			if rest, isSub := strings.CutPrefix(key, f.key+"."); isSub && slices.Contains(roles(), rest) {
				return f, rest, true
			}
		}
	}
	return nil, "", false
}

// sectionKeys lists the keys of one section, without its name.
func sectionKeys(section string) []string {
	var keys []string
	for _, f := range runFields {
		if f.section != section || f.key == "method.name" {
			continue
		}
		if f.typ.Kind() == reflect.Map {
			for _, role := range roles() {
				keys = append(keys, shortKey(f.key)+"."+role)
			}
			continue
		}
		keys = append(keys, shortKey(f.key))
	}
	return keys
}

// value returns the field of r, settable when r is a pointer's element.
func (f *field) value(r reflect.Value) reflect.Value { return r.FieldByIndex(f.index) }

// unused reports whether a key that came later has the value that says so.
func (f *field) unused(v reflect.Value) bool {
	return f.later && (v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0 || f.absent != "" && v.String() == f.absent)
}

// shortKey drops the section: "train.steps" is "steps".
func shortKey(key string) string {
	_, rest, ok := strings.Cut(key, ".")
	if !ok {
		return key
	}
	return rest
}

// cutSection splits a dotted key and reports whether it lies in section.
func cutSection(key, section string) (rest string, ok bool) {
	return strings.CutPrefix(key, section+".")
}

// setDefault gives dst its default unless the key was given a value.
func setDefault[T any](explicit func(string) bool, key string, dst *T, value T) {
	if !explicit(key) {
		*dst = value
	}
}

// joinOr lists words: "a", "a or b", "a, b or c".
func joinOr(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

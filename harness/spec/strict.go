package spec

import (
	"reflect"
	"slices"
	"strings"
)

// strictly decodes the keys of a table into the fields of the struct that dst
// points to, by their toml tags. It reports unknown keys and misfits, and returns
// the keys that are bad or were probably meant. Keys in skip are someone else's.
func strictly(t *node, title string, dst any, problems *collector, skip ...string) (bad map[string]bool) {
	bad = make(map[string]bool)
	v := reflect.ValueOf(dst).Elem()
	fields := make(map[string]reflect.Value)
	known := slices.Clone(skip)
	for i := range v.NumField() {
		if key := v.Type().Field(i).Tag.Get("toml"); key != "" && !slices.Contains(skip, key) {
			fields[key] = v.Field(i)
			known = append(known, key)
		}
	}
	for _, name := range t.names {
		n := t.children[name]
		if slices.Contains(skip, name) {
			continue
		}
		f, ok := fields[name]
		switch {
		case !ok:
			suggestion, meant := didYouMean(name, known)
			bad[meant] = true
			hint := ""
			if suggestion == "" {
				hint = "keys: " + strings.Join(known, ", ")
			}
			problems.add(n.place(), suggestion, hint, "unknown key %q in %s", name, title)
		case n.kind == invalidNode:
			bad[name] = true
		default:
			if m := decodeValue(name, f, n); m != nil {
				problems.add(n.pos, m.suggestion, "", "%s", m.message)
				bad[name] = true
			}
		}
	}
	return bad
}

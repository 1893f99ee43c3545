package spec

import (
	"maps"
	"reflect"
	"slices"

	"ranklab/models"
)

// An assignment gives a key of a run ("train.steps", "method.lr_groups.attn") a
// value.
type assignment struct {
	key   string
	value *node
}

// A resolution is a run with what is known about its keys.
type resolution struct {
	run    Run
	values map[string]*node // keys that were given a value
	bad    map[string]bool  // those whose value did not fit
}

// resolve decodes assignments, of which the last one of a key counts, and fills
// in the defaults. "!unset" takes a value away. Misfits go to the collector.
func resolve(method string, list []assignment, problems *collector) *resolution {
	r := &resolution{values: make(map[string]*node), bad: make(map[string]bool)}
	var keys []string
	for _, a := range list {
		switch {
		case !a.value.unset():
			if r.values[a.key] == nil {
				keys = append(keys, a.key)
			}
			r.values[a.key] = a.value
		case r.values[a.key] == nil:
			problems.add(a.value.pos, "", "", "there is no %s to delete", a.key)
		default:
			delete(r.values, a.key)
			keys = slices.DeleteFunc(keys, func(key string) bool { return key == a.key })
		}
	}
	r.run.Method.Name = method
	for _, key := range keys {
		r.decode(key, r.values[key], problems)
	}
	r.run.fillDefaults(r.explicit)
	return r
}

func (r *resolution) decode(key string, n *node, problems *collector) {
	f, sub, ok := lookup(key)
	if !ok || n.kind == invalidNode {
		r.bad[key] = true // reported where it was read
		return
	}
	if m := f.decode(&r.run, sub, n); m != nil {
		problems.add(n.pos, m.suggestion, m.hint, "%s", m.message)
		r.bad[key] = true
	}
}

func (r *resolution) explicit(key string) bool { return r.values[key] != nil && !r.bad[key] }

// checker returns a checker that points at the run's values.
func (r *resolution) checker(problems *collector, fallback func(string) pos) *checker {
	return &checker{problems: problems, values: r.values, bad: r.bad, fallback: fallback}
}

// origins says where each key of the run came from: file:line, "preset NAME" or
// "default".
func (r *resolution) origins() map[string]string {
	out := make(map[string]string)
	for _, f := range allFields() {
		if ok, _ := r.run.applies(f.key); !ok || f.section == "seed" || f.key == "method.name" {
			continue
		}
		if f.typ.Kind() == reflect.Map {
			continue // its keys have origins of their own
		}
		out[f.key] = "default"
		if f.section == "model" && f.key != "model.preset" && r.run.Model.Preset != "" {
			if _, ok := models.Preset(r.run.Model.Preset); ok {
				out[f.key] = "preset " + r.run.Model.Preset
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.values)) {
		out[key] = r.values[key].place().String()
	}
	return out
}

package spec

import (
	"reflect"
	"slices"
)

// Settings returns every setting of the run as a flat column: method keys and
// keys that only one section has by their short names ("rank", "steps"), others
// by their dotted ones ("train.batch_size"). Values are int, float64, bool or
// string. Keys that enter no id (paths, labels, how often to log) are left out:
// they differ between runs that are the same. So is what [diagnostics] asks for.
func (r Run) Settings() map[string]any {
	count := make(map[string]int)
	for _, f := range allFields() {
		count[shortKey(f.key)]++
	}
	out := make(map[string]any)
	for _, f := range allFields() {
		ok, _ := r.applies(f.key)
		if !ok || !f.run || f.section == "seed" || f.section == "diagnostics" {
			continue
		}
		// Columns that came after the first records are left out while they are
		// unused: old and new records of the same settings have the same columns. An
		// axis is a column whatever its value.
		late := []string{"eval.select_tokens", "method.moments", "method.projector_dtype"}
		if slices.Contains(late, f.key) && f.unused(f.value(reflect.ValueOf(r))) {
			continue
		}
		if f.typ.Kind() == reflect.Map {
			for _, role := range roles() {
				if _, set := r.Method.LRGroups[role]; set {
					out[shortKey(f.key)+"."+role] = columnValue(r, f.key+"."+role)
				}
			}
			continue
		}
		name := shortKey(f.key)
		if count[name] > 1 && f.section != "method" {
			name = f.key
		}
		out[name] = columnValue(r, f.key)
	}
	out["seed.init"], out["seed.data"] = r.Seed.Init, r.Seed.Data
	return out
}

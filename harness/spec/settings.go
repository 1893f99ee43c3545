package spec

import "reflect"

// Settings returns every setting of the run as a flat column: method keys and
// keys that only one section has by their short names ("rank", "steps"), others
// by their dotted ones ("train.batch_size"). Values are int, float64, bool or
// string; paths are left out.
func (r Run) Settings() map[string]any {
	count := make(map[string]int)
	for _, f := range allFields() {
		count[shortKey(f.key)]++
	}
	out := make(map[string]any)
	for _, f := range allFields() {
		ok, _ := r.applies(f.key)
		if !ok || f.section == "seed" || f.key == "method.name" || f.key == "data.paths" || f.key == "data.tokenizer_model" {
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

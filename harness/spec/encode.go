package spec

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Encode writes the run as TOML: every key that applies to it, explicitly.
// [LoadRun] reads back an equal run.
func (r Run) Encode() ([]byte, error) { return r.encode(nil) }

// Encode writes the instance's run with the origin of each value as a comment.
func (i Instance) Encode() ([]byte, error) { return i.Run.encode(i.Origin) }

func (r Run) encode(origin map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# A resolved run: every value that determines it, nothing left to defaults.\n# Train it with: ranklab train FILE\n")
	section := ""
	line := func(key string, value any) error {
		// go-toml writes the value; the order of keys and the comment are ours.
		text, err := toml.Marshal(map[string]any{"v": value})
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		fmt.Fprintf(&b, "%s = %s", shortKey(key), strings.TrimPrefix(strings.TrimSuffix(string(text), "\n"), "v = "))
		if at := origin[key]; at != "" {
			fmt.Fprintf(&b, "  # %s", printable(at))
		}
		b.WriteByte('\n')
		return nil
	}
	for _, f := range allFields() {
		if ok, _ := r.applies(f.key); !ok {
			continue
		}
		if f.section != section {
			section = f.section
			fmt.Fprintf(&b, "\n[%s]\n", section)
		}
		v := f.value(reflect.ValueOf(r))
		if v.Kind() == reflect.Map {
			for _, role := range roles() {
				if factor, ok := r.Method.LRGroups[role]; ok {
					if err := line(f.key+"."+role, factor); err != nil {
						return nil, err
					}
				}
			}
			continue
		}
		if v.Kind() == reflect.Float64 && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)) {
			return nil, fmt.Errorf("encode %s: %v is not a finite number", f.key, v.Float())
		}
		if err := line(f.key, tomlValue(v)); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// tomlValue returns what go-toml should write for a field.
func tomlValue(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case Gap:
		if x == Never {
			return "never"
		}
		return int(x)
	case []string:
		if x == nil {
			return []string{}
		}
		return x
	case []float64:
		if x == nil {
			return []float64{}
		}
		return x
	case []int:
		if x == nil {
			return []int{}
		}
		return x
	default:
		return x
	}
}

// LoadRun reads a resolved run, as [Run.Encode] writes it. No default is filled
// in: a key that applies and is missing is a problem, like everything that
// [Load] would refuse; only a key that came later than some stored run
// may be missing, and is then not used. The error is a [*Problems].
func LoadRun(path string) (Run, error) {
	problems := &collector{}
	text, err := files{}.read(path)
	if err != nil {
		problems.add(pos{}, "", "", "%v", err)
		return Run{}, problems.err()
	}
	return parseRun(path, text)
}

func parseRun(name, text string) (Run, error) {
	problems := &collector{}
	src := newSource(name, text)
	root := parse(src, problems)
	if problems.fatals > 0 {
		return Run{}, problems.err()
	}
	for _, top := range root.names {
		if n := root.children[top]; n.kind != tableNode || !slices.Contains(sectionNames(), top) {
			hint := "a resolved run holds " + strings.Join(sectionNames(), ", ")
			if slices.Contains(topKeys(), top) {
				hint = "this looks like an experiment, which `ranklab plan` and `ranklab sweep` read"
			}
			problems.add(n.place(), "", hint, "unknown key %q in a resolved run", top)
		}
	}
	if len(problems.list) > 0 {
		return Run{}, problems.err()
	}
	r := resolveExact(root, problems)
	fallback := func(key string) pos {
		section, _, _ := strings.Cut(key, ".")
		if t := root.get(section); t != nil {
			return t.place()
		}
		return src.at(0, 0)
	}
	for _, f := range allFields() {
		ok, _ := r.run.applies(f.key)
		if ok && f.typ.Kind() != reflect.Map && f.key != "method.name" && !f.later && r.values[f.key] == nil && !r.bad[f.key] {
			problems.add(fallback(f.key), "", "", "the resolved run lacks %s", f.key)
			r.bad[f.key] = true
		}
	}
	r.run.check(r.checker(problems, fallback))
	return r.run, problems.err()
}

// resolveExact decodes the tables of a resolved run without defaults.
func resolveExact(root *node, problems *collector) *resolution {
	r := &resolution{values: make(map[string]*node), bad: make(map[string]bool)}
	for _, section := range root.names {
		s := sectionScope(section)
		if section == "method" {
			s.skip = []string{"name"}
		}
		for _, a := range s.assignments(root.children[section], problems) {
			r.values[a.key] = a.value
			r.decode(a.key, a.value, problems)
		}
	}
	for _, f := range allFields() {
		if ok, _ := r.run.applies(f.key); ok && f.later && f.absent != "" && r.values[f.key] == nil {
			f.value(reflect.ValueOf(&r.run).Elem()).SetString(f.absent)
		}
	}
	if n := root.get("method").get("name"); n != nil {
		if n.kind != stringNode {
			problems.add(n.pos, "", "", "name takes a string, not %s", n.describe())
		}
		r.run.Method.Name = n.str
	}
	return r
}

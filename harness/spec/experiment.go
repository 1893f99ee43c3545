package spec

import (
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ranklab/harness/view"
	"ranklab/internal/safename"
)

// An Experiment is a spec with every run resolved.
type Experiment struct {
	Name  string // file-name safe; default: the file's name
	Title string
	// Question is what the experiment asks, in a sentence or two, for its report.
	Question string
	Path     string // as given; "embedded:quick.toml" for one in the binary
	Seeds    []int
	Runs     []Instance // seed by seed, so that a partial sweep already compares
	view.Declarations
	Tune  *Tune    // the search for learning rates; nil without [tune]
	Rates []Rate   // where the learning rate of each method comes from; nil if the experiment gives them all
	Notes []string // what a reader of the plan should know: merged duplicates, fixed seeds, replaced axes
}

// An Instance is one run of an experiment.
type Instance struct {
	Run     Run
	Variant string            // name of its method table
	Label   string            // "galore rank=32 update_proj_gap=60"
	Axes    map[string]any    // what varies within the variant, by column name: int, float64, bool or string
	Seed    int               // the entry of seeds
	Origin  map[string]string // dotted key → file:line, "preset NAME" or "default"
}

// NameOf tells a run from all others of the experiment: its label, with the seed
// where there are several.
func (x *Experiment) NameOf(i Instance) string {
	if len(x.Seeds) > 1 {
		return fmt.Sprintf("%s seed=%d", i.Label, i.Seed)
	}
	return i.Label
}

// build resolves, checks and names the points, and repeats them for each seed.
func (e *expander) build(points []point, plan seedPlan) []Instance {
	names := e.columnNames()
	var once []Instance
	first := make(map[string]point)
	for _, p := range points {
		r := resolve(p.variant.name, p.list, e.problems)
		c := r.checker(e.problems, e.fallback(p.variant))
		c.method = p.variant.name
		r.run.check(c)
		inst := Instance{Run: r.run, Variant: p.variant.name, Axes: make(map[string]any), Origin: r.origins()}
		inst.Label = p.variant.name
		for _, key := range p.variant.swept {
			value := columnValue(r.run, key)
			inst.Axes[names[key]] = value
			if slices.Contains(p.named, key) {
				inst.Label += fmt.Sprintf(" %s=%v", names[key], value)
			}
		}
		if p.label != "" {
			inst.Label = p.label
		}
		id := r.run.sameness()
		if slices.ContainsFunc(e.rates, func(rate Rate) bool { return rate.Method == p.variant.name && rate.Missing != "" }) {
			id += p.variant.name // with the rates of others it would not be the same
		}
		if other, twice := first[id]; twice {
			e.note("%s (%s) is the same run as one asked for at %s: it runs once", inst.Label, p.at, other.at)
			continue
		}
		first[id] = p
		once = append(once, inst)
	}
	if len(e.problems.list) > 0 {
		return nil
	}
	if n := len(once) * len(plan.seeds); n > maxRuns {
		e.problems.add(plan.at, "", "", "%d runs with %d seeds are more than %d", len(once), len(plan.seeds), maxRuns)
		return nil
	}
	var runs []Instance
	initAt, dataAt := plan.origins()
	for _, inst := range once {
		inst.Origin["seed.init"], inst.Origin["seed.data"] = initAt, dataAt
	}
	for _, seed := range plan.seeds {
		for _, inst := range once {
			inst.Seed = seed
			inst.Run.Seed = plan.of(seed)
			runs = append(runs, inst)
		}
	}
	return runs
}

// fallback returns where to point at for a key that nobody wrote: the table
// that should hold it.
func (e *expander) fallback(v *variant) func(string) pos {
	return func(key string) pos {
		section, _, _ := strings.Cut(key, ".")
		if section == "method" {
			return v.table.place()
		}
		if t := e.root.get(section); t != nil {
			return t.place()
		}
		return e.root.pos
	}
}

// columnNames maps swept keys to the names that figures use: the last element,
// or the whole key where two axes would share it.
func (e *expander) columnNames() map[string]string {
	names, count := make(map[string]string), make(map[string]int)
	for _, v := range e.variants {
		for _, key := range v.swept {
			if _, ok := names[key]; !ok {
				names[key] = shortKey(key)
				count[shortKey(key)]++
			}
		}
	}
	for key, short := range names {
		if count[short] > 1 {
			names[key] = axisName(key)
		}
	}
	return names
}

// columnValue returns the value of a key as figures read it. projector_dtype is
// the one that the bases have.
func columnValue(run Run, key string) any {
	if run.Method.ProjectorDtype == "" {
		run.Method.ProjectorDtype = run.basesAsState()
	}
	f, sub, _ := lookup(key)
	v := f.value(reflect.ValueOf(run))
	if v.Kind() == reflect.Map {
		factor, set := run.Method.LRGroups[sub]
		if !set {
			factor = 1
		}
		return factor
	}
	switch x := v.Interface().(type) {
	case Gap:
		if x == Never {
			return "never"
		}
		return int(x)
	case []float64:
		words := make([]string, len(x))
		for i, f := range x {
			words[i] = strconv.FormatFloat(f, 'g', -1, 64)
		}
		return strings.Join(words, ",")
	case []int:
		words := make([]string, len(x))
		for i, n := range x {
			words[i] = strconv.Itoa(n)
		}
		return strings.Join(words, ",")
	case []string:
		return strings.Join(x, ",")
	default:
		return x
	}
}

// experimentName reads name, or takes the file's.
func (e *expander) experimentName(file string) string {
	stem := strings.TrimSuffix(path.Base(filepath.ToSlash(strings.TrimPrefix(file, "embedded:"))), ".toml")
	n := e.root.get("name")
	if n == nil {
		if !safename.Valid(stem) {
			e.problems.add(e.root.pos, "", `add name = "…" with letters, digits, - and _`, "the file's name cannot name the experiment")
		}
		return stem
	}
	if n.kind != stringNode {
		e.problems.add(n.pos, "", "", "name takes a string, not %s", n.describe())
		return ""
	}
	if !safename.Valid(n.str) {
		e.problems.add(n.pos, "", "use letters, digits, - and _", "the name %q cannot be part of a file name", n.str)
	}
	return n.str
}

func (e *expander) title() string { return e.text("title") }

// text reads a key of the experiment that people read.
func (e *expander) text(key string) string {
	n := e.root.get(key)
	if n == nil {
		return ""
	}
	if n.kind != stringNode {
		e.problems.add(n.pos, "", "", "%s takes a string, not %s", key, n.describe())
	} else if strings.ContainsFunc(n.str, unicode.IsControl) {
		e.problems.add(n.pos, "", "", "%s holds a control character", key)
	}
	return n.str
}

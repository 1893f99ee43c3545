package view

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Reference holds published numbers, to be read beside own results and never
// ranked with them.
type Reference struct {
	ID        string            `toml:"id" json:"id"`
	Source    string            `toml:"source" json:"source"`                   // "arXiv:2403.03507 Table 2, 130M"
	Title     string            `toml:"title" json:"title,omitempty"`           // short, for a legend; default: Source
	KnownBias string            `toml:"known_bias" json:"known_bias,omitempty"` // what is known to be off in the numbers
	Tolerance float64           `toml:"tolerance" json:"tolerance,omitempty"`   // relative deviation that counts as agreement; 0: none is judged
	Compare   map[string]string `toml:"compare" json:"compare,omitempty"`       // published column = own column; default: the same
	Scale     map[string]any    `toml:"scale" json:"scale,omitempty"`           // the settings behind the numbers; see [Reference.reasons]
	Values    []map[string]any  `toml:"values" json:"values"`                   // settings that select a row, and results: { method = "adamw", ppl = 25.08 }
}

// PaperUnit is the unit G of the memory column of arXiv:2403.03507, in bytes. It
// is not stated there; this one reproduces the printed numbers.
const PaperUnit = 1024_000_000

// ParsePublished reads a published value of a column: a number, or text with the
// suffix K, M or B for 10³, 10⁶ or 10⁹. In a column of bytes G is [PaperUnit];
// KiB, MiB, GiB, kB, MB and GB are what they are.
func ParsePublished(column string, v any) (float64, bool) {
	switch v := plain(v).(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case string:
		units := []unitName{{"K", 1e3}, {"M", 1e6}, {"B", 1e9}}
		if Describe(column).Kind == Bytes {
			units = []unitName{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"G", PaperUnit}}
		}
		for _, u := range units {
			if digits, ok := strings.CutSuffix(v, u.name); ok {
				x, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
				return x * u.factor, err == nil && !math.IsInf(x*u.factor, 0) && !math.IsNaN(x)
			}
		}
	}
	return 0, false
}

type unitName struct {
	name   string
	factor float64
}

// IsResult reports whether a column is a result of a finished run, not a setting.
func IsResult(column string) bool {
	return slices.ContainsFunc(metrics(), func(m metric) bool { return m.Name == column })
}

// Results lists the columns of results.
func Results() []string {
	var names []string
	for _, m := range metrics() {
		names = append(names, m.Name)
	}
	return names
}

// published lists the columns of results that the reference has, sorted.
func (r Reference) published() []string {
	names := make(map[string]bool)
	for _, entry := range r.Values {
		for name := range entry {
			if IsResult(name) {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// own returns the own column that a published one is compared with.
func (r Reference) own(column string) string {
	if c := r.Compare[column]; c != "" {
		return c
	}
	return column
}

// name is what a legend calls the reference.
func (r Reference) name() string {
	if r.Title != "" {
		return r.Title
	}
	return r.Source
}

// matches reports whether an entry is about a run: they agree in every setting
// that the entry names.
func matches(entry map[string]any, r Row) bool {
	for name, v := range entry {
		if !IsResult(name) && !slices.Contains(accepted(v), r.Value(name)) {
			return false
		}
	}
	return true
}

// nearEnough is the relative difference up to which counts are the same: what is
// published of them is rounded.
const nearEnough = 0.05

// reasons says why a run cannot be compared with the published number of a
// column, one reason for each key of the scale that it does not meet; nothing if
// it can.
//
// parameters, tokens and positions may differ by 5 %, dataset is data.source, and
// every other key is a setting that has to be equal; one that the run's method
// does not have is not asked for. Sizes without noise (bytes) follow from the
// model and the method: neither the data nor the length of training matter to
// them.
func (r Reference) reasons(column string, run Row) []string {
	var reasons []string
	for _, key := range slices.Sorted(maps.Keys(r.Scale)) {
		want := plain(r.Scale[key])
		if Describe(column).Exact && column != "activations_bytes" && !shapesMemory(key) {
			continue
		}
		var got any
		switch key {
		case "parameters":
			if n := parameters(run); n > 0 {
				got = n
			}
		case "tokens":
			got = run.resultOrNil("tokens_seen")
		case "positions":
			got = run.resultOrNil("positions")
		case "dataset":
			got = run.Value("source")
		default:
			if got = run.Value(key); got == nil {
				continue
			}
		}
		isCount := slices.Contains([]string{"parameters", "tokens", "positions"}, key)
		if isCount {
			if n, ok := ParsePublished("", want); ok {
				want = n
			}
		}
		switch n, ok := got.(float64); {
		case got == nil:
			reasons = append(reasons, key+": not recorded")
		case isCount && ok:
			if m, ok := want.(float64); !ok || math.Abs(n-m) > nearEnough*m {
				reasons = append(reasons, fmt.Sprintf("%s: %s, not %s", key, counted(got), counted(want)))
			}
		case got != want:
			reasons = append(reasons, fmt.Sprintf("%s: %s, not %s", key, Format(got), Format(want)))
		}
	}
	return reasons
}

func (r Row) resultOrNil(name string) any {
	if v, ok := r.Results[name]; ok && !math.IsNaN(v) {
		return v
	}
	return nil
}

// shapesMemory reports whether a key of a scale can change the bytes of a model
// and its optimizer.
func shapesMemory(key string) bool {
	return !slices.Contains([]string{
		"tokens", "positions", "dataset", "source", "modules", "val_fraction", "packing", "tokenizer", "steps", "max_length", "total_batch_size", "batch_size",
		"scheduler", "warmup_steps", "min_lr_ratio", "lr", "every", "grad_clipping", "seed",
	}, key)
}

// counted writes a count with three digits: 134M, 2.2B, 983k.
func counted(v any) string {
	n, ok := v.(float64)
	if !ok {
		return Format(v)
	}
	for _, u := range []unitName{{"B", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if math.Abs(n) >= u.factor {
			return strconv.FormatFloat(n/u.factor, 'g', 3, 64) + u.name
		}
	}
	return Format(n)
}

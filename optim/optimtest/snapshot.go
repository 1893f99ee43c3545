package optimtest

import (
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/tensor"
)

// A Snapshot is a copy of all weights and all state: "weights NAME" and
// "state NAME".
type Snapshot map[string][]float32

// Save copies the weights and the state.
func (p *Problem) Save() Snapshot {
	s := Snapshot{}
	for _, q := range p.Model.Params() {
		s["weights "+q.Name] = slices.Clone(tensor.Values(q.W))
	}
	for _, b := range p.Method.State() {
		s["state "+b.Name] = slices.Clone(tensor.Values(b.Data))
	}
	return s
}

// Restore copies a snapshot back. It reports whether the snapshot holds
// exactly the buffers that exist.
func (p *Problem) Restore(s Snapshot) bool {
	n, same := 0, true
	restore := func(name string, m tensor.Matrix) {
		n++
		saved, ok := s[name]
		same = same && ok && copy(tensor.Values(m), saved) == len(saved) && len(saved) == m.Rows*m.Cols
	}
	for _, q := range p.Model.Params() {
		restore("weights "+q.Name, q.W)
	}
	for _, b := range p.Method.State() {
		restore("state "+b.Name, b.Data)
	}
	return same && n == len(s)
}

// Diff names the first buffer, in order of names, in which two snapshots
// differ in any bit. It is empty if there is none.
func Diff(a, b Snapshot) string {
	names := slices.Sorted(maps.Keys(a))
	if !slices.Equal(names, slices.Sorted(maps.Keys(b))) {
		return "the sets of buffers differ"
	}
	for _, name := range names {
		for i, v := range a[name] {
			if math.Float32bits(v) != math.Float32bits(b[name][i]) {
				return name + " differs"
			}
		}
	}
	return ""
}

// Distance returns the largest difference between the weights that two
// snapshots share, and how many those are.
func Distance(a, b Snapshot) (worst float64, compared int) {
	for name, v := range a {
		w, ok := b[name]
		if !ok || !strings.HasPrefix(name, "weights ") {
			continue
		}
		compared++
		for i := range v {
			worst = max(worst, math.Abs(float64(v[i])-float64(w[i])))
		}
	}
	return worst, compared
}

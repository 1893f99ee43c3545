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
		s["state "+b.Name] = stored(b.Data)
		if b.Data.Codes != nil {
			s["state "+b.Name+tensor.AbsMax] = slices.Clone(b.Data.Floats)
		}
	}
	return s
}

// stored returns what a store holds, number by number: values, or codes.
func stored(b tensor.Store) []float32 {
	all := make([]float32, b.Rows*b.Cols)
	for i := range all {
		switch {
		case b.Codes != nil:
			all[i] = float32(b.Codes[i])
		case b.Halves != nil:
			all[i] = math.Float32frombits(uint32(b.Halves[i]) << 16)
		default:
			all[i] = b.Floats[i]
		}
	}
	return all
}

// Restore copies a snapshot back. It reports whether the snapshot holds
// exactly the buffers that exist.
func (p *Problem) Restore(s Snapshot) bool {
	n, same := 0, true
	saved := func(name string, size int) []float32 {
		n++
		v, ok := s[name]
		if !ok || len(v) != size {
			same = false
			return make([]float32, size)
		}
		return v
	}
	for _, q := range p.Model.Params() {
		w := tensor.Values(q.W)
		copy(w, saved("weights "+q.Name, len(w)))
	}
	for _, b := range p.Method.State() {
		for i, v := range saved("state "+b.Name, b.Data.Rows*b.Data.Cols) {
			switch {
			case b.Data.Codes != nil:
				b.Data.Codes[i] = uint8(v)
			case b.Data.Halves != nil:
				b.Data.Halves[i] = uint16(math.Float32bits(v) >> 16)
			default:
				b.Data.Floats[i] = v
			}
		}
		if b.Data.Codes != nil {
			copy(b.Data.Floats, saved("state "+b.Name+tensor.AbsMax, len(b.Data.Floats)))
		}
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

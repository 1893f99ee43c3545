package optimtest

import (
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/optim"
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
		for _, a := range arrays(b) {
			s["state "+a.name] = a.numbers()
		}
	}
	return s
}

// An array is one of those that a store consists of.
type array struct {
	name   string
	floats []float32
	halves []uint16
	codes  []uint8
}

func arrays(b optim.Buffer) []array {
	switch s := b.Data; s.Format.Type {
	case tensor.Float32:
		return []array{{name: b.Name, floats: s.Floats}}
	case tensor.BFloat16:
		return []array{{name: b.Name, halves: s.Halves}}
	case tensor.Affine8, tensor.Affine4:
		return []array{{name: b.Name, codes: s.Codes}, {name: b.Name + tensor.GroupScale, floats: s.Floats}, {name: b.Name + tensor.GroupZero, codes: s.Zeros}}
	default:
		return []array{{name: b.Name, codes: s.Codes}, {name: b.Name + tensor.AbsMax, floats: s.Floats}}
	}
}

// numbers returns the values or codes.
func (a array) numbers() []float32 {
	all := slices.Clone(a.floats)
	for _, h := range a.halves {
		all = append(all, math.Float32frombits(uint32(h)<<16))
	}
	for _, c := range a.codes {
		all = append(all, float32(c))
	}
	return all
}

// set writes what numbers returned.
func (a array) set(all []float32) {
	copy(a.floats, all)
	for i := range a.halves {
		a.halves[i] = uint16(math.Float32bits(all[i]) >> 16)
	}
	for i := range a.codes {
		a.codes[i] = uint8(all[i])
	}
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
		for _, a := range arrays(b) {
			a.set(saved("state "+a.name, len(a.floats)+len(a.halves)+len(a.codes)))
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

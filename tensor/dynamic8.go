package tensor

import (
	"math"
	"slices"
)

// Block-wise 8-bit values (Dettmers et al., 2110.02861, section 2; bitsandbytes):
// each block of a store has the largest magnitude of its values, and a value is
// the index of the nearest element of a map, times that magnitude.

// A dynamicMap is the sorted map of an 8-bit type.
//
// For e = 0 … 6, the interval [0.1, 1] is split into p equal cells, p = 2ᵉ
// (signed) or 2ᵉ⁺¹ (unsigned); their midpoints times 10^(e-6) are in the map,
// with the signed one their negatives too, and 0 and 1. -1 is not.
type dynamicMap struct {
	values [256]float32
	zero   uint8 // index of 0

	// Positive values between two neighbours belong to the upper one above
	// middle[lower]. floor finds the candidate: the largest index whose middle
	// to the one before lies at or below the first value with these upper 16
	// bits, 0x3f80 (one) being the last.
	middle [256]float32
	floor  [0x3f81]uint8
}

// The maps are computed once; nothing writes to them.
var dynamicMaps = [2]*dynamicMap{newDynamicMap(true), newDynamicMap(false)}

func (f Format) dynamic() *dynamicMap { return dynamicMaps[f.Type-DynamicSigned] }

// DynamicMap returns the map of an 8-bit type in ascending order.
func DynamicMap(t Type) [256]float32 { return Format{Type: t}.dynamic().values }

func newDynamicMap(signed bool) *dynamicMap {
	values := []float64{0, 1}
	for e, power := range [...]float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1} {
		cells := 1 << e
		if !signed {
			cells *= 2
		}
		width := 0.9 / float64(cells)
		for c := range cells {
			v := power * (0.1 + float64(width*(float64(c)+0.5)))
			values = append(values, v)
			if signed {
				values = append(values, -v)
			}
		}
	}
	slices.Sort(values)
	m := &dynamicMap{}
	for i, v := range values {
		m.values[i] = float32(v)
		if v == 0 {
			m.zero = uint8(i)
		}
	}
	for i := range 255 {
		m.middle[i] = (m.values[i] + m.values[i+1]) / 2
	}
	m.middle[255] = float32(math.Inf(1))
	at := m.zero
	for b := range m.floor {
		for math.Float32frombits(uint32(b)<<16) > m.middle[at] {
			at++
		}
		m.floor[b] = at
	}
	return m
}

// nearest returns the index of the element nearest to x, of equals the smaller,
// for 0 ≤ x ≤ 1. A 16-bit prefix spans less than two cells, so that one or two
// comparisons decide.
func (m *dynamicMap) nearest(x float32) uint8 {
	at := m.floor[math.Float32bits(x)&^(1<<31)>>16] // -0 counts as 0
	for x > m.middle[at] {
		at++
	}
	return at
}

// code returns the index that stands for x in a block, x in [-1, 1]: the nearest
// element, but for a negative value that is nearest to 0 the largest negative
// one, as bitsandbytes has it.
func (m *dynamicMap) code(x float32) uint8 {
	if x >= 0 {
		return m.nearest(x)
	}
	// The signed map is symmetric but for 1, which is its last element: the
	// negative of element c is element 2·zero - c.
	c := min(m.nearest(-x), 2*m.zero)
	return 2*m.zero - max(c, m.zero+1)
}

// decode computes dst ← the elements from lo on.
func (s *Store) decode(dst []float32, lo int) {
	values, block := &s.Format.dynamic().values, s.Format.Block
	for i := 0; i < len(dst); i += block {
		part := dst[i:min(i+block, len(dst))]
		scale := s.Floats[(lo+i)/block]
		for j, c := range s.Codes[lo+i : lo+i+len(part)] {
			part[j] = values[c] * scale
		}
	}
}

// encode computes the elements from lo on ← src. A block that holds NaN or an
// infinity decodes to NaN.
func (s *Store) encode(src []float32, lo int) {
	m, block := s.Format.dynamic(), s.Format.Block
	for i := 0; i < len(src); i += block {
		part := src[i:min(i+block, len(src))]
		codes := s.Codes[lo+i : lo+i+len(part)]
		scale := blockScale(part)
		s.Floats[(lo+i)/block] = scale
		if !(scale > 0 && scale <= math.MaxFloat32) { // zero, or not finite
			for j := range codes {
				codes[j] = m.zero
			}
			continue
		}
		for j, x := range part {
			codes[j] = m.code(x / scale)
		}
	}
}

// blockScale returns the largest |x|, or NaN if an element is not finite.
func blockScale(x []float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31)) // magnitudes order as their bits do
	}
	if top >= 0x7f800000 {
		return float32(math.NaN())
	}
	return math.Float32frombits(top)
}

package tensor

import (
	"math"

	"ranklab/internal/random"
)

// Dropout computes dst ← mask ⊙ src/(1-p). Element i of the row-major order is
// dropped if key.Float32(offset + i) < p, so that the mask can be recomputed
// at any time and never needs to be stored.
func (d *Device) Dropout(dst, src Matrix, p float32, key random.Key, offset uint64) {
	sameShape(dst, src)
	spread(d, src.Rows, rowGrain(src.Cols), dropoutArgs{dst, src, newMask(p, key), offset, d.isa}, func(a *dropoutArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			a.mask.apply(a.isa, row(a.x, n), row(a.y, n), a.offset+uint64(n*a.y.Cols))
		}
	})
}

// DropoutBackward computes dx ← dx + mask ⊙ dy/(1-p) with the mask of Dropout.
// It overwrites dy.
func (d *Device) DropoutBackward(dx, dy Matrix, p float32, key random.Key, offset uint64) {
	sameShape(dx, dy)
	spread(d, dy.Rows, rowGrain(dy.Cols), dropoutArgs{dx, dy, newMask(p, key), offset, d.isa}, func(a *dropoutArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			x, y := row(a.x, n), row(a.y, n)
			a.mask.apply(a.isa, y, y, a.offset+uint64(n*a.y.Cols))
			a.isa.add(x, y)
		}
	})
}

// dropoutArgs are the arguments of Dropout (x ← mask ⊙ y) and its backward.
type dropoutArgs struct {
	x, y   Matrix
	mask   mask
	offset uint64
	isa    ISA
}

// A mask drops elements by the words of a key.
type mask struct {
	key   random.Key
	words dropWords
}

// dropWords is what the kernel of dropout reads, in this order: the keys of the
// ten rounds of the generator, the counter of the first block, and the rule of
// an element.
type dropWords struct {
	rounds    [20]uint32
	counter   [4]uint32
	threshold int32 // a word's upper 24 bits below it: dropped
	keep      float32
}

// dropUnit divides the lengths that the kernel takes.
const dropUnit = 32

func newMask(p float32, key random.Key) mask {
	if !(p >= 0 && p < 1) {
		panic("tensor: Dropout probability")
	}
	m := mask{key: key}
	m.words.threshold, m.words.keep = int32(math.Ceil(float64(p)*(1<<24))), float32(1/(1-float64(p)))
	m.words.rounds = key.Rounds()
	return m
}

// element returns v/(1-p), or 0 if the word w drops it.
func (s *dropWords) element(v float32, w uint32) float32 {
	dropped := uint32((int32(w>>8) - s.threshold) >> 31) // all ones or all zeros
	return math.Float32frombits(math.Float32bits(s.keep*v) &^ dropped)
}

// apply computes dst_i ← mask_{index+i}·src_i/(1-p).
func (m *mask) apply(isa ISA, dst, src []float32, index uint64) {
	for len(src) > 0 && index&3 != 0 {
		dst[0] = m.words.element(src[0], m.key.Uint32(index))
		dst, src, index = dst[1:], src[1:], index+1
	}
	whole := len(src) / dropUnit * dropUnit
	if block := index >> 2; uint64(uint32(block))+uint64(whole/4) <= 1<<32 { // the kernel counts in 32 bits
		words := m.words
		words.counter = m.key.Counter(block)
		isa.drop(dst[:whole], src[:whole], &words)
		dst, src, index = dst[whole:], src[whole:], index+uint64(whole)
	}
	for i, v := range src {
		dst[i] = m.words.element(v, m.key.Uint32(index+uint64(i)))
	}
}

// drop computes dst_i ← mask_i·src_i/(1-p).
func drop(dst, src []float32, s *dropWords) {
	for c := s.counter; len(src) > 0; c[0]++ {
		for i, w := range random.Philox(c, &s.rounds) {
			dst[i] = s.element(src[i], w)
		}
		dst, src = dst[4:], src[4:]
	}
}

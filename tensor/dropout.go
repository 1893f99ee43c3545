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

type mask struct {
	key       random.Key
	threshold int32 // a word's upper 24 bits below it: dropped
	keep      float32
}

func newMask(p float32, key random.Key) mask {
	if !(p >= 0 && p < 1) {
		panic("tensor: Dropout probability")
	}
	return mask{key, int32(math.Ceil(float64(p) * (1 << 24))), float32(1 / (1 - float64(p)))}
}

// element returns v/(1-p), or 0 if the word w drops it.
func (m *mask) element(v float32, w uint32) float32 {
	dropped := uint32((int32(w>>8) - m.threshold) >> 31) // all ones or all zeros
	return math.Float32frombits(math.Float32bits(m.keep*v) &^ dropped)
}

// apply computes dst_i ← mask_{index+i}·src_i/(1-p).
func (m *mask) apply(isa ISA, dst, src []float32, index uint64) {
	dst = dst[:len(src)]
	for len(src) > 0 && index&3 != 0 {
		dst[0] = m.element(src[0], m.key.Uint32(index))
		dst, src, index = dst[1:], src[1:], index+1
	}
	for ; len(src) >= 4 && len(dst) >= 4; dst, src, index = dst[4:], src[4:], index+4 {
		w := m.key.Block(index >> 2)
		x, y := (*[4]float32)(src), (*[4]float32)(dst)
		y[0] = m.element(x[0], w[0])
		y[1] = m.element(x[1], w[1])
		y[2] = m.element(x[2], w[2])
		y[3] = m.element(x[3], w[3])
	}
	for i, v := range src {
		dst[i] = m.element(v, m.key.Uint32(index+uint64(i)))
	}
}

package tensor

import (
	"math"

	"ranklab/internal/random"
)

// A bfloat16 value is the upper half of a float32: 8 bits of exponent, 8
// significant bits with the implicit one.

// widen computes dst ← src, which is exact.
func widen(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for i, h := range src {
		dst[i] = math.Float32frombits(uint32(h) << 16)
	}
}

// narrow computes dst ← src rounded to nearest, of equals to even.
func narrow(dst []uint16, src []float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = nearest(x)
	}
}

func nearest(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return quiet(b)
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// quiet keeps NaN one: its payload may lie in the lower half.
func quiet(b uint32) uint16 { return uint16(b>>16) | 0x40 }

// dither computes dst ← src rounded stochastically: 16 random bits are added
// below the bits that stay. Element index+i takes half of word (index+i)/2 of
// the key. An infinity stays one; NaN stays NaN.
func dither(dst []uint16, src []float32, key random.Key, index uint64) {
	dst = dst[:len(src)]
	var block [4]uint32
	for i, x := range src {
		at := index + uint64(i)
		if i == 0 || at&7 == 0 {
			block = key.Block(at >> 3)
		}
		noise := block[at>>1&3] >> (at & 1 * 16) & 0xffff
		b := math.Float32bits(x)
		if x != x {
			dst[i] = quiet(b)
			continue
		}
		dst[i] = uint16((b + noise) >> 16)
	}
}

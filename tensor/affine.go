package tensor

import "math"

// Affine values of 8 or 4 bits, as Q-GaLore keeps projectors (2407.08296 and its
// code): a block of values is spread evenly over 2ᵇ codes. With L = 2ᵇ-1,
//
//	scale = max(max x - min x, 1e-5) / L
//	zero  = clamp(-round(min x / scale), 0, L)
//	code  = clamp(round(x / scale) + zero, 0, L)
//	x ≈ (code - zero)·scale
//
// in float32, rounding halves to even as torch.round does. zero is a code, so the
// range always holds 0, and a 0 stays one exactly. Where a block has no value of
// the other sign, as the first singular vector may have none, the codes on that
// side are idle and what lies beyond max x - min x is cut off: a block of 0.9 and
// 1.0 becomes 0.1 throughout. That is the published rule, and is kept.

// least is the smallest range of a block.
const least = 1e-5

// Endings of the names of what an affine buffer has per block.
const (
	GroupScale = ".scale"
	GroupZero  = ".zero"
)

// levels returns L, the largest code.
func (t Type) levels() float32 {
	if t == Affine4 {
		return 15
	}
	return 255
}

// affine reports whether values are affine codes.
func (f Format) affine() bool { return f.Type == Affine8 || f.Type == Affine4 }

// codes returns the bytes of n codes: two of 4 bits share one, the first in its
// lower half.
func (f Format) codes(n int) int {
	if f.Type == Affine4 {
		return (n + 1) / 2
	}
	return n
}

// decodeAffine computes dst ← the elements from lo on, lo being the start of a
// block.
func (s *Store) decodeAffine(dst []float32, lo int) {
	block := s.Format.Block
	for i := 0; i < len(dst); i += block {
		part := dst[i:min(i+block, len(dst))]
		scale, zero := s.Floats[(lo+i)/block], float32(s.Zeros[(lo+i)/block])
		if s.Format.Type == Affine8 {
			for j, c := range s.Codes[lo+i : lo+i+len(part)] {
				part[j] = (float32(c) - zero) * scale
			}
			continue
		}
		codes := s.Codes[(lo+i)/2:]
		for j := range part {
			part[j] = (float32(codes[j/2]>>(j%2*4)&15) - zero) * scale
		}
	}
}

// encodeAffine computes the elements from lo on ← src. A block that holds NaN or
// an infinity decodes to NaN.
func (s *Store) encodeAffine(src []float32, lo int) {
	block, levels := s.Format.Block, s.Format.Type.levels()
	for i := 0; i < len(src); i += block {
		part := src[i:min(i+block, len(src))]
		scale, zero := affineRange(part, levels)
		s.Floats[(lo+i)/block], s.Zeros[(lo+i)/block] = scale, uint8(zero)
		if s.Format.Type == Affine8 {
			for j, x := range part {
				s.Codes[lo+i+j] = affineCode(x, scale, zero, levels)
			}
			continue
		}
		codes := s.Codes[(lo+i)/2:]
		for j := 0; j < len(part); j += 2 {
			c := affineCode(part[j], scale, zero, levels)
			if j+1 < len(part) {
				c |= affineCode(part[j+1], scale, zero, levels) << 4
			}
			codes[j/2] = c
		}
	}
}

// affineRange returns the constants of a block; a scale that is not finite
// becomes NaN.
func affineRange(x []float32, levels float32) (scale, zero float32) {
	low, high := x[0], x[0]
	for _, v := range x {
		if v-v != 0 { // NaN or an infinity
			return float32(math.NaN()), 0
		}
		low, high = min(low, v), max(high, v)
	}
	scale = max(high-low, least) / levels
	if scale > math.MaxFloat32 {
		return float32(math.NaN()), 0
	}
	return scale, clamp(-evenly(low/scale), levels)
}

// affineCode returns the code of x. NaN has code 0.
func affineCode(x, scale, zero, levels float32) uint8 {
	return uint8(clamp(evenly(x/scale)+zero, levels))
}

// evenly rounds to the nearest integer, of equals to the even one.
func evenly(x float32) float32 { return float32(math.RoundToEven(float64(x))) }

// clamp returns x in [0, high]; 0 for NaN.
func clamp(x, high float32) float32 {
	if !(x > 0) {
		return 0
	}
	return min(x, high)
}

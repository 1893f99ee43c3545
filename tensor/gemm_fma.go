package tensor

import "math"

// fma32 returns x·y + z rounded once to float32, as the multiply-add
// instruction does.
//
// The product of two float32 is exact in float64. The float64 sum s is rounded
// once, and rounding s again to float32 differs from rounding the exact sum
// only where s lies on the middle of two float32 values, which in the normal
// range is where its lowest 29 bits are 1 followed by zeros; below it, the
// middles are elsewhere and fmaTail decides.
func fma32(x, y, z float32) float32 {
	s := float64(x)*float64(y) + float64(z) // the same if the compiler fuses it
	if fmaUnsafe(s) {
		return fmaTail(x, y, z)
	}
	return float32(s)
}

// fmaUnsafe reports whether rounding the float64 sum s to float32 may differ
// from rounding the exact sum.
func fmaUnsafe(s float64) bool {
	b := math.Float64bits(s)
	return b&fmaMiddleMask == fmaMiddle || b&^fmaSign < fmaNormal
}

const (
	fmaSign       = 1 << 63
	fmaMiddleMask = 1<<29 - 1
	fmaMiddle     = 1 << 28
	fmaNormal     = (1023 - 126) << 52 // the bits of the smallest normal float32
)

// fmaTail is fma32 for any sum. It recovers the error of the float64 sum
// (Knuth's two-sum) and, if there is one, makes the last bit of the sum odd in
// its direction: an odd float64 is no middle of float32 values, and rounding it
// cannot cross one (Boldo and Melquiond, "Emulation of FMA and correctly rounded
// sums: proved algorithms using rounding to odd", IEEE Trans. Computers 57(4),
// 2008).
func fmaTail(x, y, z32 float32) float32 {
	p, z := float64(x)*float64(y), float64(z32)
	s := float64(p) + z
	if s == 0 || math.IsNaN(s) || math.IsInf(s, 0) {
		return float32(s)
	}
	zz := s - p
	e := (p - (s - zz)) + (z - zz)
	b := math.Float64bits(s)
	if e != 0 && b&1 == 0 {
		if (e > 0) == (s > 0) {
			b++
		} else {
			b--
		}
	}
	return float32(math.Float64frombits(b))
}

package tensor

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactFMA computes x·y + z with big floats and rounds once.
func exactFMA(x, y, z float32) float32 {
	const enough = 1000 // bits: 2^-298 … 2^256 with room
	f := func(v float32) *big.Float { return new(big.Float).SetPrec(enough).SetFloat64(float64(v)) }
	s := f(x)
	s.Mul(s, f(y))
	s.Add(s, f(z))
	r, _ := s.Float32()
	return r
}

func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || (a != a && b != b)
}

func TestFMAIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	// Few significant bits and near exponents make ties and cancellation common.
	draw := func(low, high int) float32 {
		m := r.Uint32() & 0x7fffff
		switch r.IntN(4) {
		case 0:
			m &= 0x7ff000
		case 1:
			m = 1<<r.IntN(24) - 1
		case 2:
			m &= 0x7fffff << r.IntN(23)
		}
		x := float32(math.Ldexp(1+float64(m)/(1<<23), low+r.IntN(high-low+1)))
		if r.IntN(2) == 0 {
			return -x
		}
		return x
	}
	doubleRounded, subnormal := 0, 0
	for i := range 400_000 {
		var x, y, z float32
		switch i % 4 {
		case 0: // any
			x, y, z = draw(-149, 127), draw(-149, 127), draw(-149, 127)
		case 1: // product about one rounding unit of z away
			x, y, z = draw(-30, -20), draw(-5, 5), draw(-5, 5)
		case 2: // results below the normal range
			x, y, z = draw(-80, -60), draw(-80, -60), draw(-149, -126)
		case 3: // near overflow
			x, y, z = draw(62, 64), draw(60, 63), draw(100, 127)
		}
		want, got := exactFMA(x, y, z), fma32(x, y, z)
		if want == 0 && got == 0 {
			continue // the sign of zero: below
		}
		if !sameBits(want, got) {
			t.Fatalf("fma32(%x, %x, %x) = %x, exact %x", x, y, z, got, want)
		}
		if float32(math.FMA(float64(x), float64(y), float64(z))) != want {
			doubleRounded++
		}
		if want != 0 && math.Abs(float64(want)) < 0x1p-126 {
			subnormal++
		}
	}
	if doubleRounded < 100 || subnormal < 10_000 {
		t.Errorf("the sample is too easy: %d cases where two roundings differ, %d subnormal results", doubleRounded, subnormal)
	}
}

func TestFMASpecialValues(t *testing.T) {
	inf, nan, zero := float32(math.Inf(1)), float32(math.NaN()), float32(0)
	minusZero := float32(math.Copysign(0, -1))
	for _, c := range []struct{ x, y, z, want float32 }{
		{inf, 1, 1, inf}, {-inf, 1, 1, -inf}, {1, 1, -inf, -inf}, {inf, 1, -inf, nan}, {inf, zero, 1, nan},
		{nan, 1, 1, nan}, {1, nan, 1, nan}, {1, 1, nan, nan},
		{1, minusZero, minusZero, minusZero}, {1, minusZero, zero, zero}, {1, zero, minusZero, zero}, {1, 1, -1, zero},
		{math.MaxFloat32, 1, math.MaxFloat32, inf},
		// 2^-196 below the middle of two subnormals, which float64 rounds to that middle
		{0x1p-75 + 0x1p-98, 0x1p-75 - 0x1p-98, 0x1p-127 + 0x1p-149, 0x1p-127 + 0x1p-149},
		// just above and below the middle of 1 and 1 + 2^-23
		{0x1p-24, 1 + 0x1p-23, 1, 1 + 0x1p-23}, {0x1p-24, 1, 1, 1}, {0x1p-24, 1 - 0x1p-24, 1, 1},
		{-0x1p-149, 0x1p-149, 0x1p-148, 0x1p-148}, {0x1p-149, 0x1p-149, 0, 0},
	} {
		if got := fma32(c.x, c.y, c.z); !sameBits(got, c.want) {
			t.Errorf("fma32(%x, %x, %x) = %x, want %x", c.x, c.y, c.z, got, c.want)
		}
	}
}

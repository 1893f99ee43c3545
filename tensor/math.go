package tensor

import "math"

// The transcendental functions are written out here so that their bits do not
// depend on the architecture: the standard library has assembly for some of
// them on some machines, and elsewhere the compiler may fuse its products and
// sums. Here every product that is added to something is wrapped in a
// conversion, which forbids fusing.

// The constants of exp32. The kernels use the same ones.
const (
	expLow   = -44 // below it exp32 is 0,
	expHigh  = 44  // above it +Inf
	expMagic = 0x1.8p23
	expLog2e = 1 / math.Ln2
	expLn2Hi = 355. / 512 // 9 bits: n·expLn2Hi is exact
	expLn2Lo = math.Ln2 - expLn2Hi
	expP0    = 0.5
	expP1    = 0.16666577025596951
	expP2    = 0.04166655466204924
	expP3    = 0.008363173074686196
	expP4    = 0.0013926176120151043
)

// exp32 returns eᵛ, relative error below 2⁻²³; 0 below -44 and +Inf above 44. NaN
// stays NaN.
//
// Its results stand beside a 1, that of the largest score of a softmax or that in
// 1 + e⁻ᵍ, and of e⁻⁴⁴ = 8e-20 nothing remains there. The products of gradients
// with smaller ones would be subnormal, and a CPU multiplies those a hundred
// times slower: attention that has become sharp would make matrix products half as fast.
//
// With n = round(v/ln 2) and r = v - n·ln 2, |r| ≤ ½ ln 2, exp(v) = 2ⁿ·exp(r);
// exp(r) = 1 + r·(1 + r·p(r)), where p interpolates (exp(r)-1-r)/r² at the five
// Chebyshev nodes (error of the polynomial 1e-8). Adding 1.5·2²³ rounds to an
// integer and leaves n in the low bits.
func exp32(v float32) float32 {
	t := fma32(v, expLog2e, expMagic)
	n := t - expMagic
	r := fma32(n, -expLn2Lo, fma32(n, -expLn2Hi, v))
	p := fma32(expP4, r, expP3)
	p = fma32(p, r, expP2)
	p = fma32(p, r, expP1)
	p = fma32(p, r, expP0)
	p = fma32(p, r, 1)
	p = fma32(p, r, 1)
	y := p * math.Float32frombits(math.Float32bits(t)<<23+127<<23)
	if v < expLow {
		y = 0
	}
	if v > expHigh {
		y = float32(math.Inf(1))
	}
	return y
}

// exps computes dst_i ← exp(a·x_i + b), the argument rounded once, and returns
// the sum of dst. dst may be x.
func exps(dst, x []float32, a, b float32) float32 {
	var s [lanes]float32
	for i, v := range x {
		dst[i] = exp32(fma32(a, v, b))
		s[i%lanes] += dst[i]
	}
	return joinLanes(&s)
}

// horner evaluates c[0] + x·(c[1] + x·(c[2] + …)).
func horner(x float64, c []float64) float64 {
	s := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		s = float64(s*x) + c[i]
	}
	return s
}

// reduce returns n = round(x/(hi+lo…)) and x - n·(p1+p2+p3) for a constant that
// is the sum of its parts. n·p1 and n·p2 are exact for |n| < 2²⁰.
func reduce(x, inverse, p1, p2, p3 float64) (n, r float64) {
	n = math.RoundToEven(float64(x * inverse))
	return n, x - float64(n*p1) - float64(n*p2) - float64(n*p3)
}

// exp64 returns eˣ, for |x| < 700, to about 1e-16 relative.
func exp64(x float64) float64 {
	const hi = 0x1.62e42feep-1 // 32 bits of ln 2
	n, r := reduce(x, 1/math.Ln2, hi, math.Ln2-hi, 0)
	c := [...]float64{1, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880,
		1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800}
	return math.Ldexp(horner(r, c[:]), int(n))
}

// log64 returns the natural logarithm of a positive x. With x = 2ᵉ·f, f
// in [√½, √2), ln f = 2·artanh(s), s = (f-1)/(f+1), as a series in s² ≤ 0.0295.
func log64(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) {
		if x == 0 {
			return math.Inf(-1)
		}
		if x > 0 {
			return x
		}
		return math.NaN()
	}
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	s := (f - 1) / (f + 1)
	c := [...]float64{1, 1. / 3, 1. / 5, 1. / 7, 1. / 9, 1. / 11, 1. / 13, 1. / 15, 1. / 17, 1. / 19, 1. / 21}
	return float64(float64(e)*math.Ln2) + float64(2*s*horner(float64(s*s), c[:]))
}

// sincos64 returns sin x and cos x for |x| < 10⁶ to about 2e-16: Taylor series
// on |r| ≤ π/4 after reduction by multiples of π/2.
func sincos64(x float64) (sin, cos float64) {
	const (
		p1 = 0x1.921fb544p0   // the leading 33 bits of π/2
		p2 = 0x1.0b4611a6p-34 // the next 33
		p3 = math.Pi/2 - p1 - p2
	)
	n, r := reduce(x, 2/math.Pi, p1, p2, p3)
	sc := [...]float64{1, -1. / 6, 1. / 120, -1. / 5040, 1. / 362880, -1. / 39916800, 1. / 6227020800, -1. / 1307674368000,
		1. / 355687428096000}
	cc := [...]float64{1, -1. / 2, 1. / 24, -1. / 720, 1. / 40320, -1. / 3628800, 1. / 479001600, -1. / 87178291200,
		1. / 20922789888000, -1. / 6402373705728000}
	q := float64(r * r)
	s, c := r*horner(q, sc[:]), horner(q, cc[:])
	switch int64(n) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	}
	return -c, s
}

// Exp returns eˣ with a relative error of about 2e-16; 0 below -745 and +Inf
// above 709.8. Exp, Log, Pow and Cos are for the numbers that a record holds or
// that enter an update: unlike those of package math they have the same bits
// everywhere.
func Exp(x float64) float64 {
	switch {
	case x > 709.782712893384:
		return math.Inf(1)
	case x < -745.2:
		return 0
	case x != x:
		return x
	}
	return exp64(x)
}

// Log returns the natural logarithm, NaN of a negative number and -Inf of zero.
func Log(x float64) float64 { return log64(x) }

// Cos returns the cosine of |x| < 10⁶.
func Cos(x float64) float64 {
	_, c := sincos64(x)
	return c
}

// Pow returns xʸ for a normal x ≥ 0 and a finite y, with a relative error of
// about 4e-16: the logarithm is carried in two numbers, since its own rounding
// would be multiplied by y·ln x.
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x == 0 && y > 0:
		return 0
	case x == 0:
		return math.Inf(1)
	case !(x > 0) || math.IsInf(x, 1) || math.IsNaN(y):
		return math.NaN()
	}
	high, low := logParts(x)
	p := y * high
	if p > 709.8 || p < -745.2 {
		return Exp(p)
	}
	q := math.FMA(y, high, -p) + float64(y*low)
	e := exp64(p)
	return e + float64(e*q)
}

// logParts returns the natural logarithm of a positive normal x as a sum of two
// numbers with a relative error of about 1e-18. The leading term of the series
// in [log64], 2s, is formed in two parts; the rest is at most a hundredth of it.
// math.FMA rounds once on every machine.
func logParts(x float64) (high, low float64) {
	const (
		ln2high = 0x1.62e42feep-1 // 32 bits: its product with an exponent is exact
		ln2low  = 0x1.a39ef35793c76p-33
	)
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	num, den := f-1, f+1
	rounding := f - (den - 1) // of den
	s := num / den
	t := (math.FMA(-s, den, num) - float64(s*rounding)) / den
	q := float64(s * s)
	c := [...]float64{1. / 3, 1. / 5, 1. / 7, 1. / 9, 1. / 11, 1. / 13, 1. / 15, 1. / 17, 1. / 19, 1. / 21, 1. / 23}
	n := float64(e)
	high, low = twoSum(float64(n*ln2high), 2*s)
	low += float64(n*ln2low) + 2*(t+float64(float64(s*q)*horner(q, c[:])))
	return twoSum(high, low)
}

// twoSum returns a + b rounded, and the rounding error (Knuth).
func twoSum(a, b float64) (sum, rest float64) {
	sum = a + b
	v := sum - a
	return sum, (a - (sum - v)) + (b - v)
}

package random

import "math"

// quantile is the inverse of the standard normal distribution function:
// algorithm AS 241 (PPND16), M. J. Wichura, Applied Statistics 37 (1988), with
// relative accuracy about 1e-16.
//
// Products are wrapped in float64(…) so that no compiler fuses them into a
// multiply-add: the values are the same on every architecture.
func quantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		r := 0.180625 - float64(q*q)
		return q * horner(r,
			2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
			1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0) /
			horner(r,
				5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
				5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1)
	}
	r := p
	if q > 0 {
		r = 1 - p
	}
	r = math.Sqrt(-logarithm(r))
	var x float64
	if r <= 5 {
		r -= 1.6
		x = horner(r,
			7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
			3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0) /
			horner(r,
				1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
				6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1)
	} else {
		r -= 5
		x = horner(r,
			2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
			2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0) /
			horner(r,
				2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
				1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1)
	}
	if q < 0 {
		return -x
	}
	return x
}

// horner evaluates a polynomial, highest coefficient first.
func horner(x float64, c ...float64) float64 {
	s := c[0]
	for _, v := range c[1:] {
		s = float64(s*x) + v
	}
	return s
}

// logarithm is the natural logarithm of a positive normal number. math.Log is
// assembly on some architectures; this one is the same everywhere. With
// x = 2ᵉ·f, f in [√½, √2), ln f = 2·artanh((f-1)/(f+1)) as a series in
// s² ≤ 0.0295, cut where the terms fall below 1e-17.
func logarithm(x float64) float64 {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	s := (f - 1) / (f + 1)
	series := horner(float64(s*s), 1./21, 1./19, 1./17, 1./15, 1./13, 1./11, 1./9, 1./7, 1./5, 1./3, 1)
	return float64(float64(e)*math.Ln2) + float64(2*s*series)
}

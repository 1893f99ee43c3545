package tensor

import "math"

// reflector turns x into the v, v_0 = 1, of the reflection I - tau·v·vᵀ that
// maps x to a multiple beta of the first unit vector. If x is one already, up to
// elements below 1e-140, tau and v are zero.
func reflector(x []float64) (beta, tau float64) {
	var s float64
	for _, v := range x[1:] {
		s += float64(v * v)
	}
	alpha := x[0]
	if s < 1e-280 {
		clear(x)
		return alpha, 0
	}
	beta = math.Sqrt(float64(alpha*alpha) + s)
	if alpha > 0 {
		beta = -beta
	}
	tau = (beta - alpha) / beta
	scale := 1 / (alpha - beta) // they differ in sign
	for i := range x {
		x[i] *= scale
	}
	x[0] = 1
	return beta, tau
}

// reflections are H_0 … H_{count-1}, H_k = I - tau_k·v·vᵀ with v in row k, zero
// before k + shift and one there. Rows have a distance ld, a multiple of 16, and
// zeros at their end.
type reflections struct {
	v            []float64
	ld           int
	count, shift int
	tau, zero    []float64 // zero: ld zeros
}

// heldReflectors is how many reflectors are applied to a group of rows at a
// time, while they are in the cache.
const heldReflectors = 32

// rows writes the rows i = part, part + parts, … below n of Qᵀ = (H_0·H_1 …)ᵀ.
// Row i is e_iᵀ·…·H_1·H_0, to which H_{i-shift} is the first that matters.
func (h *reflections) rows(isa ISA, q []float64, n, part, parts int) {
	for i := part; i < n; i += parts {
		row := q[i*h.ld:][:h.ld]
		clear(row)
		row[i] = 1
	}
	for first := (h.count - 1) / heldReflectors * heldReflectors; h.count > 0 && first >= 0; first -= heldReflectors {
		for i := part; i < n; i += parts {
			last := min(first+heldReflectors, h.count, i-h.shift+1) - 1
			if last >= first {
				h.apply(isa, q[i*h.ld:][:h.ld], first, last)
			}
		}
	}
}

// apply computes row ← row·H_last·…·H_first. One pass subtracts a reflector and
// multiplies with the next.
func (h *reflections) apply(isa ISA, row []float64, first, last int) {
	vector := func(k, start int) []float64 { return h.v[k*h.ld:][start:h.ld] }
	start := (last + h.shift) &^ (lanes - 1)
	s := isa.rank2(row[start:], h.zero[start:h.ld], 0, h.zero[start:h.ld], 0, vector(last, start))
	for k := last; k >= first; k-- {
		start = (k + h.shift) &^ (lanes - 1)
		v, next := vector(k, start), h.zero[start:h.ld]
		if k > first {
			// Its one stands where the row is still zero, so the pass may start after it.
			next = vector(k-1, start)
		}
		s = isa.rank2(row[start:], v, h.tau[k]*s, v, 0, next)
	}
}

// A rowQR is the Householder factorisation of a matrix whose columns are the
// rows of a (r, ld), n ≤ ld elements each: Golub and Van Loan, 5.2. It has an
// orthonormal factor whatever the rank.
type rowQR struct {
	reflections
	a, q     []float64 // (r, ld) the input, then reflectors; (r, ld) the orthonormal rows
	r, n     int
	s        []float64 // (r) products with the reflector of the step
	isa      ISA
	parts    int
	k, start int // of the running step
	build    bool
}

// orthonormal writes to the rows of q the orthonormal factor.
func (d *Device) orthonormal(t *rowQR) {
	t.isa, t.v, t.count, t.shift, t.build = d.isa, t.a, t.r, 0, false
	for k := range t.r {
		row := t.a[k*t.ld:][:t.ld]
		if k > 0 {
			start := (k - 1) &^ (lanes - 1)
			v := t.a[(k-1)*t.ld:][start:t.ld]
			t.isa.rank2(row[start:], v, t.tau[k-1]*t.s[k], v, 0, v)
		}
		clear(row[:k])
		_, t.tau[k] = reflector(row[k:t.n])
		t.k, t.start = k, max(0, k-1)&^(lanes-1)
		t.parts = d.pieces((t.r-k-1)*(t.ld-t.start), 1<<13)
		d.runParts(t.parts, t)
	}
	t.build, t.parts = true, d.pieces(t.r*t.ld, 1<<12)
	d.runParts(t.parts, t)
}

func (t *rowQR) do(_, part int) {
	if t.build {
		t.rows(t.isa, t.q, t.r, part, t.parts)
		return
	}
	v := t.a[t.k*t.ld:][t.start:t.ld]
	old, tau := t.zero[t.start:t.ld], 0.0
	if t.k > 0 {
		old, tau = t.a[(t.k-1)*t.ld:][t.start:t.ld], t.tau[t.k-1]
	}
	lo, hi := piece(t.r-t.k-1, t.parts, part)
	for i := t.k + 1 + lo; i < t.k+1+hi; i++ {
		t.s[i] = t.isa.rank2(t.a[i*t.ld:][t.start:t.ld], old, tau*t.s[i], old, 0, v)
	}
}

package main

import "math"

// numbers holds the constants of exp32 in package tensor under their names there,
// and four more; TestRowKernels compares the bits.
var numbers = []struct {
	name  string
	value float64
}{
	{"expLow", -44},
	{"expHigh", 44},
	{"expMagic", 0x1.8p23},
	{"expLog2e", 1 / math.Ln2},
	{"expLn2Hi", 355. / 512},
	{"expLn2Lo", math.Ln2 - 355./512},
	{"expP0", 0.5},
	{"expP1", 0.16666577025596951},
	{"expP2", 0.04166655466204924},
	{"expP3", 0.008363173074686196},
	{"expP4", 0.0013926176120151043},
	{"one", 1}, // as an integer: the bias of an exponent
	{"zero", 0},
	{"infinity", math.Inf(1)},
	{"minus", math.Copysign(0, -1)}, // the sign bit
}

// newExp returns the function exp32 of tensor. It is called before a loop.
func (m *machine) newExp() func(v vector) vector {
	low, high, magic, log2e := m.constant("expLow"), m.constant("expHigh"), m.constant("expMagic"), m.constant("expLog2e")
	hi, lo, bias, inf, zero := m.constant("expLn2Hi"), m.constant("expLn2Lo"), m.constant("one"), m.constant("infinity"), m.constant("zero")
	var p []vector
	for _, name := range []string{"expP0", "expP1", "expP2", "expP3", "expP4"} {
		p = append(p, m.constant(name))
	}
	return func(v vector) vector {
		t := m.fma(v, log2e, magic)
		n := m.sub(t, magic)
		r := m.copy(v)
		m.apply(m.VFNMADD231PS, hi, n, r)
		m.apply(m.VFNMADD231PS, lo, n, r)
		y := m.copy(p[4])
		for i := 3; i >= 0; i-- {
			m.horner(y, r, p[i])
		}
		m.horner(y, r, bias)
		m.horner(y, r, bias)
		m.apply(m.VPSLLD, imm(23), t, t)
		m.apply(m.VPADDD, bias, t, t)
		m.apply(m.VMULPS, t, y, y)
		y = m.choose(less, v, low, zero, y)
		return m.choose(greater, v, high, inf, y)
	}
}

// exponentials returns the operations with an exp inside.
func exponentials() []kernel {
	// newDivisor returns the function 1 + exp(-g).
	newDivisor := func(m *machine) func(g vector) vector {
		exp, one, minus := m.newExp(), m.constant("one"), m.constant("minus")
		return func(g vector) vector { return m.add(exp(m.each(m.VXORPS, minus, g)), one) }
	}
	return []kernel{
		{name: "exps", slices: []string{"dst", "x"}, scalars: []string{"a", "b"}, result: "float32", emit: func(m *machine) {
			exp, a, b, acc := m.newExp(), m.scalar("a"), m.scalar("b"), m.zero()
			m.loop([]string{"dst", "x"}, func() {
				y := exp(m.fma(m.load("x"), a, b))
				m.store("dst", y)
				m.addTo(acc, y)
			})
			m.give(m.join(acc, m.VADDPS, m.VADDSS), m.VMOVSS)
		}},
		{name: "swiglu", slices: []string{"y", "gate", "up"}, emit: func(m *machine) {
			divisor := newDivisor(m)
			m.elements([]string{"y", "gate", "up"}, func() {
				g := m.load("gate")
				m.store("y", m.mul(m.div(g, divisor(g)), m.load("up")))
			})
		}},
		{name: "swigluBackward", slices: []string{"dgate", "dup", "dy", "gate", "up"}, emit: func(m *machine) {
			divisor, one := newDivisor(m), m.constant("one")
			m.elements([]string{"dgate", "dup", "dy", "gate", "up"}, func() {
				g := m.load("gate")
				d, unit := divisor(g), m.copy(one)
				s := m.div(unit, d)
				t := m.mul(m.load("dy"), s)
				slope := m.fma(g, m.sub(unit, s), unit)
				m.store("dgate", m.mul(m.mul(t, m.load("up")), slope))
				m.store("dup", m.mul(t, g))
			})
		}},
	}
}

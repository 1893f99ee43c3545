package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sums returns the reductions: 16 lanes, joined by halving.
func sums() []kernel {
	reduce := func(name string, slices []string, accumulate func(m *machine, acc vector)) kernel {
		return kernel{name: name, slices: slices, result: "float32", emit: func(m *machine) {
			acc := m.zero()
			m.loop(slices, func() { accumulate(m, acc) })
			m.give(m.join(acc, m.VADDPS, m.VADDSS), m.VMOVSS)
		}}
	}
	return []kernel{
		reduce("sum", []string{"x"}, func(m *machine, acc vector) { m.addTo(acc, m.load("x")) }),
		reduce("dot", []string{"x", "y"}, func(m *machine, acc vector) { m.fmaTo(acc, m.load("x"), m.load("y")) }),
		reduce("dot3", []string{"gain", "y", "x"}, func(m *machine, acc vector) {
			m.fmaTo(acc, m.mul(m.load("gain"), m.load("y")), m.load("x"))
		}),
		{name: "largest", slices: []string{"x"}, result: "float32", emit: func(m *machine) {
			m.pointer("x")
			acc := m.copy(m.broadcast(Mem{Base: m.pointers["x"]}))
			m.loop([]string{"x"}, func() { m.maxTo(acc, m.load("x")) })
			x, zero := m.join(acc, m.VMAXPS, m.VMAXSS), m.XMM()
			m.VXORPS(zero, zero, zero)
			m.VADDSS(zero, x, x) // -0 becomes +0
			m.give(x, m.VMOVSS)
		}},
		{name: "dot64", slices: []string{"x", "y"}, result: "float64", emit: func(m *machine) {
			acc := m.zero64()
			m.loop([]string{"x", "y"}, func() {
				x, y := m.widen(m.load("x")), m.widen(m.load("y"))
				for p := range acc { // 0·0 in lanes that do not exist
					m.VFMADD231PD(y[p], x[p], acc[p])
				}
			})
			m.give(m.join64(acc), m.VMOVSD)
		}},
		{name: "addSquares", sums: "sums", slices: []string{"x"}, emit: func(m *machine) {
			m.elements([]string{"sums", "x"}, func() {
				for p, x := range m.widen(m.load("x")) {
					m.square64(p, x)
				}
			})
		}},
	}
}

// float64 values take twice the registers: part p of 2 (ZMM) or 4 (YMM).

func (m *machine) zero64() vector {
	return append(m.zero(), m.zero()...)
}

// widen converts 16 lanes to float64.
func (m *machine) widen(v vector) vector {
	var all vector
	for _, part := range v {
		low := part.(reg.VecVirtual)
		if m.wide {
			high := m.YMM()
			m.VEXTRACTF64X4(Imm(1), low, high)
			a, b := m.ZMM(), m.ZMM()
			m.VCVTPS2PD(low.AsY(), a)
			m.VCVTPS2PD(high, b)
			all = append(all, a, b)
			continue
		}
		high := m.XMM()
		m.VEXTRACTF128(Imm(1), low, high)
		a, b := m.YMM(), m.YMM()
		m.VCVTPS2PD(low.AsX(), a)
		m.VCVTPS2PD(high, b)
		all = append(all, a, b)
	}
	return all
}

// square64 adds the squares of part p to the slice sums, where lanes exist.
func (m *machine) square64(p int, x Op) {
	at := Mem{Base: m.pointers["sums"], Index: m.index, Scale: 8, Disp: p * 32}
	if m.wide {
		at.Disp *= 2
	}
	s := m.register()
	switch {
	case m.mask == nil:
		m.VMOVUPD(at, s)
		m.VFMADD231PD(x, x, s)
		m.VMOVUPD(s, at)
	case m.wide:
		k := m.K()
		m.KSHIFTRW(Imm(uint64(8*p)), m.mask[0], k)
		m.VMOVUPD_Z(at, k, s)
		m.VFMADD231PD(x, x, s)
		m.VMOVUPD(s, k, at)
	default:
		mask, half := m.YMM(), m.mask[p/2].(reg.VecVirtual).AsX()
		if p%2 == 1 {
			upper := m.XMM()
			m.VEXTRACTF128(Imm(1), m.mask[p/2], upper)
			half = upper
		}
		m.VPMOVSXDQ(half, mask)
		m.VMASKMOVPD(at, mask, s)
		m.VFMADD231PD(x, x, s)
		m.VMASKMOVPD(s, mask, at)
	}
}

// join64 returns the sum of 16 lanes in the lowest one.
func (m *machine) join64(v vector) reg.Register {
	y, half := m.YMM(), m.YMM() // new ones: the lanes may be in registers that only AVX-512 has
	if m.wide {
		m.VADDPD(v[1], v[0], v[0])
		m.VEXTRACTF64X4(Imm(1), v[0], half)
		m.VADDPD(half, v[0].(reg.VecVirtual).AsY(), y)
	} else {
		m.VADDPD(v[2], v[0], v[0])
		m.VADDPD(v[3], v[1], v[1])
		m.VADDPD(v[1], v[0], y)
	}
	x, quarter := y.AsX(), m.XMM()
	m.VEXTRACTF128(Imm(1), y, quarter)
	m.VADDPD(quarter, x, x)
	m.VUNPCKHPD(x, x, quarter)
	m.VADDSD(quarter, x, x)
	return x
}

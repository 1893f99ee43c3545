package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dropout returns the kernel of dropout, on a multiple of 32 elements.
//
// Philox4x32-10 (Salmon et al., SC 2011) runs on 8 blocks of four words at a
// time, each word in the lower half of a 64-bit lane: the widening product
// reads nothing else, its lower half is one new word as it is, and its upper
// half is a shift away. Lane 2l computes block l and lane 2l+1 block l+4, so
// that three shuffles within 128 bits bring the words into the order of the
// elements.
func dropout() []kernel {
	return []kernel{{name: "drop", slices: []string{"dst", "src"}, fields: "dropWords", emit: func(m *machine) {
		m.pointer("dst")
		m.pointer("src")
		s := m.pointer("s")
		word := func(i int) vector { return m.broadcast(Mem{Base: s, Disp: 4 * i}) }
		const counter, threshold, keep = 20, 24, 25 // the fields of dropWords

		first := m.each(m.VPADDD, m.memory("dropLanes"), word(counter))
		step, multiplier0, multiplier1 := m.copy(m.memory("dropStep")), m.constant("philoxM0"), m.constant("philoxM1")
		count := m.Load(m.Param("n"), m.GP64()).(reg.GPVirtual)
		m.index = m.GP64()
		m.XORQ(m.index, m.index)
		m.SUBQ(Imm(32), count)
		m.JLT(LabelRef("done"))
		m.Label("loop")

		c0, c1, c2, c3 := m.copy(first), word(counter+1), word(counter+2), word(counter+3)
		m.apply(m.VPADDD, step, first, first)
		for round := range 10 {
			p0 := m.each(m.VPMULUDQ, multiplier0, c0)
			p1 := m.each(m.VPMULUDQ, multiplier1, c2)
			c0 = m.xor3(m.upper(p1), c1, word(2*round))
			c2 = m.xor3(m.upper(p0), c3, word(2*round+1))
			c1, c3 = p1, p0
		}
		shuffle := func(order uint8, x, y vector) vector {
			return m.each(m.VSHUFPS, imm(order), y, x)
		}
		const even, odd = 0x88, 0xdd // 32-bit words of x, then of y
		low, high := shuffle(even, c0, c1), shuffle(even, c2, c3)
		for i, w := range []vector{shuffle(even, low, high), shuffle(odd, low, high)} {
			m.apply(m.VPSRLD, imm(8), w, w)
			m.apply(m.VPSUBD, word(threshold), w, w) // negative: dropped
			m.apply(m.VPSRAD, imm(31), w, w)
			if i == 1 {
				m.ADDQ(Imm(lanes), m.index)
			}
			v := m.mul(m.load("src"), word(keep))
			m.store("dst", m.each(m.VANDNPS, v, w))
		}

		m.ADDQ(Imm(lanes), m.index)
		m.SUBQ(Imm(32), count)
		m.JGE(LabelRef("loop"))
		m.Label("done")
		m.VZEROUPPER()
		m.RET()
	}}}
}

// upper returns the upper half of each 64-bit lane in the lower one.
func (m *machine) upper(x vector) vector {
	return m.each(m.VPSRLQ, imm(32), x)
}

// xor3 returns x ^ y ^ z and may overwrite x.
func (m *machine) xor3(x, y, z vector) vector {
	if m.wide {
		m.VPTERNLOGD(U8(0x96), z[0], y[0], x[0])
		return x
	}
	xor := func(o ...Op) { m.VPXOR(o[0], o[1], o[2]) }
	return m.each(xor, z, m.each(xor, y, x))
}

package main

import (
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes is the width of a virtual vector.
const lanes = 16

// A machine emits code over virtual vectors of 16 lanes for one instruction
// set. An operation is written once over its methods, so that the instruction
// sets cannot drift apart.
type machine struct {
	*build.Context
	wide bool // AVX-512, else AVX2

	pointers map[string]reg.Register
	index    reg.GPVirtual // of the first lane, in elements
	mask     vector        // lanes that exist; nil: all
}

// A vector is 16 float32 values: one ZMM or two YMM registers, or the same
// number of memory operands or opmasks.
type vector []Op

// parts returns the number of registers of a vector.
func (m *machine) parts() int {
	if m.wide {
		return 1
	}
	return 2
}

// register returns a new register.
func (m *machine) register() reg.VecVirtual {
	if m.wide {
		return m.ZMM()
	}
	return m.YMM()
}

// each applies an instruction to the parts of its operands; the last operand
// is a new vector, which it returns.
func (m *machine) each(instruction func(...Op), operands ...vector) vector {
	var dst vector
	for range m.parts() {
		dst = append(dst, m.register())
	}
	m.apply(instruction, append(operands, dst)...)
	return dst
}

func (m *machine) apply(instruction func(...Op), operands ...vector) {
	for p := range m.parts() {
		var ops []Op
		for _, v := range operands {
			ops = append(ops, v[p])
		}
		instruction(ops...)
	}
}

// Arithmetic. The last operand of each may lie in memory.

func (m *machine) add(x, y vector) vector { return m.each(m.VADDPS, y, x) }
func (m *machine) sub(x, y vector) vector { return m.each(m.VSUBPS, y, x) }
func (m *machine) mul(x, y vector) vector { return m.each(m.VMULPS, y, x) }
func (m *machine) div(x, y vector) vector { return m.each(m.VDIVPS, y, x) }
func (m *machine) sqrt(x vector) vector   { return m.each(m.VSQRTPS, x) }

// Multiply-adds round once. y and z may lie in memory.

// fma returns x·y + z.
func (m *machine) fma(x, y, z vector) vector {
	dst := m.copy(z)
	m.apply(m.VFMADD231PS, y, x, dst)
	return dst
}

// fnma returns z - x·y.
func (m *machine) fnma(x, y, z vector) vector {
	dst := m.copy(z)
	m.apply(m.VFNMADD231PS, y, x, dst)
	return dst
}

// fms returns x·y - z.
func (m *machine) fms(x, y, z vector) vector {
	dst := m.copy(z)
	m.apply(m.VFMSUB231PS, y, x, dst)
	return dst
}

// horner computes p ← p·x + c in place.
func (m *machine) horner(p, x, c vector) { m.apply(m.VFMADD213PS, c, x, p) }

func (m *machine) copy(x vector) vector {
	if _, ok := x[0].(Mem); ok {
		return m.each(m.VMOVUPS, x)
	}
	return m.each(m.VMOVAPS, x)
}

func (m *machine) zero() vector {
	var v vector
	for range m.parts() {
		r := m.register()
		m.VXORPS(r, r, r)
		v = append(v, r)
	}
	return v
}

// imm returns an immediate operand.
func imm(v uint8) vector { return vector{U8(v), U8(v)} }

// Predicates of choose.
const (
	less    = 17 // LT_OQ: false for NaN
	greater = 30 // GT_OQ
)

// choose returns yes in the lanes where x compares so with y, else no; y and
// yes may lie in memory.
func (m *machine) choose(predicate uint8, x, y, yes, no vector) vector {
	if m.wide {
		k := m.K()
		m.VCMPPS(U8(predicate), y[0], x[0], k)
		return m.each(m.VBLENDMPS, yes, no, vector{k})
	}
	return m.each(m.blend, m.each(m.VCMPPS, imm(predicate), y, x), yes, no)
}

// blend takes a mask of lanes, yes, no and the destination (AVX2).
func (m *machine) blend(o ...Op) { m.VBLENDVPS(o[0], o[1], o[2], o[3]) }

// Accumulation. Lanes that do not exist keep the old value, whatever v holds.

// addTo computes acc ← acc + v.
func (m *machine) addTo(acc, v vector) {
	m.merge(acc, func(dst vector, mask ...Op) {
		m.apply(func(o ...Op) { m.VADDPS(masked(o, mask)...) }, v, acc, dst)
	})
}

// fmaTo computes acc ← acc + x·y.
func (m *machine) fmaTo(acc, x, y vector) {
	if m.mask == nil || m.wide {
		m.apply(func(o ...Op) { m.VFMADD231PS(masked(o, m.mask)...) }, y, x, acc)
		return
	}
	m.keep(acc, m.fma(x, y, acc))
}

// maxTo computes acc ← v if v > acc, else acc: NaN is passed over.
func (m *machine) maxTo(acc, v vector) {
	m.merge(acc, func(dst vector, mask ...Op) {
		m.apply(func(o ...Op) { m.VMAXPS(masked(o, mask)...) }, acc, v, dst)
	})
}

// merge lets f compute the new value of acc in dst, under the mask if there is
// one.
func (m *machine) merge(acc vector, f func(dst vector, mask ...Op)) {
	switch {
	case m.mask == nil:
		f(acc)
	case m.wide:
		f(acc, m.mask...)
	default:
		dst := vector{m.YMM(), m.YMM()}
		f(dst)
		m.keep(acc, dst)
	}
}

// keep moves the lanes of v that exist to acc (AVX2).
func (m *machine) keep(acc, v vector) {
	m.apply(m.blend, m.mask, v, acc, acc)
}

// masked puts an opmask before the destination.
func masked(o, mask []Op) []Op {
	if len(mask) == 0 {
		return o
	}
	last := len(o) - 1
	return append(append(append([]Op{}, o[:last]...), mask[0]), o[last])
}

// Memory.

// pointer returns the register that holds a pointer argument.
func (m *machine) pointer(name string) reg.Register {
	r, ok := m.pointers[name]
	if !ok {
		r = m.Load(m.Param(name), m.GP64())
		if m.pointers == nil {
			m.pointers = map[string]reg.Register{}
		}
		m.pointers[name] = r
	}
	return r
}

// at returns the operands of 16 lanes of a slice at the index.
func (m *machine) at(name string) vector {
	var v vector
	for p := range m.parts() {
		v = append(v, Mem{Base: m.pointers[name], Index: m.index, Scale: 4, Disp: 32 * p})
	}
	return v
}

// load reads 16 lanes of a slice; those that do not exist are zero.
func (m *machine) load(name string) vector {
	return m.each(func(o ...Op) {
		switch {
		case m.mask == nil:
			m.VMOVUPS(o[0], o[2])
		case m.wide:
			m.VMOVUPS_Z(o[0], o[1], o[2])
		default:
			m.VMASKMOVPS(o[0], o[1], o[2])
		}
	}, m.at(name), m.maskOrNothing())
}

// store writes the lanes that exist.
func (m *machine) store(name string, v vector) {
	m.apply(func(o ...Op) {
		switch {
		case m.mask == nil:
			m.VMOVUPS(o[0], o[2])
		case m.wide:
			m.VMOVUPS(o[0], o[1], o[2])
		default:
			m.VMASKMOVPS(o[0], o[1], o[2])
		}
	}, v, m.maskOrNothing(), m.at(name))
}

func (m *machine) maskOrNothing() vector {
	if m.mask != nil {
		return m.mask
	}
	return make(vector, m.parts())
}

// Constants.

// broadcast returns one value in all lanes.
func (m *machine) broadcast(from Mem) vector {
	r := m.register()
	m.VBROADCASTSS(from, r)
	return vector{r, r}[:m.parts()]
}

// scalar returns an argument in all lanes.
func (m *machine) scalar(name string) vector {
	b, err := m.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return m.broadcast(b.Addr)
}

// fields returns functions that give the first n values at the argument s in
// all lanes. AVX2 has too few registers to keep them and reads them again.
func (m *machine) fields(n int) []func() vector {
	s := m.pointer("s")
	var all []func() vector
	for i := range n {
		from := Mem{Base: s, Disp: 4 * i}
		if m.wide {
			v := m.broadcast(from)
			all = append(all, func() vector { return v })
		} else {
			all = append(all, func() vector { return m.broadcast(from) })
		}
	}
	return all
}

// constant returns a constant of the file in all lanes: in a register with
// AVX-512, so that it is to be called before the loop, else in memory.
func (m *machine) constant(name string) vector {
	at := NewDataAddr(NewStaticSymbol(name), 0)
	if m.wide {
		return m.broadcast(at)
	}
	return vector{at, at}
}

// memory returns 16 values of the file.
func (m *machine) memory(name string) vector {
	var v vector
	for p := range m.parts() {
		v = append(v, NewDataAddr(NewStaticSymbol(name), 32*p))
	}
	return v
}

// constants writes the data of the file.
func constants(ctx *build.Context) {
	data := func(name string, words ...uint32) {
		ctx.StaticGlobal(name)
		ctx.DataAttributes(attr.RODATA | attr.NOPTR)
		for _, w := range words {
			ctx.AppendDatum(U32(w))
		}
	}
	for _, c := range numbers {
		data(c.name, slices.Repeat([]uint32{math.Float32bits(float32(c.value))}, lanes/2)...)
	}
	// The multipliers of Philox4x32, and its counters in 64-bit lanes.
	data("philoxM0", slices.Repeat([]uint32{0xD2511F53}, lanes/2)...)
	data("philoxM1", slices.Repeat([]uint32{0xCD9E8D57}, lanes/2)...)
	data("dropLanes", 0, 0, 4, 0, 1, 0, 5, 0, 2, 0, 6, 0, 3, 0, 7, 0)
	data("dropStep", slices.Repeat([]uint32{8, 0}, lanes/2)...)
	// All bits set 16 times, then 16 times none: from 4·(16-r) bytes on, the
	// mask of the first r of 16 elements.
	data("tailMask", append(slices.Repeat([]uint32{math.MaxUint32}, lanes), make([]uint32, lanes)...)...)
}

// loop emits body for all elements, 16 at a time: first for full vectors, then
// once more under a mask for the rest.
func (m *machine) loop(slices []string, body func()) {
	for _, s := range slices {
		m.pointer(s)
	}
	count := m.Load(m.Param("n"), m.GP64())
	m.index = m.GP64()
	m.XORQ(m.index, m.index)
	m.SUBQ(Imm(lanes), count)
	m.JLT(LabelRef("tail"))
	m.Label("loop")
	body()
	m.ADDQ(Imm(lanes), m.index)
	m.SUBQ(Imm(lanes), count)
	m.JGE(LabelRef("loop"))
	m.Label("tail")
	m.ADDQ(Imm(lanes), count)
	m.JEQ(LabelRef("done"))
	m.setMask(count)
	body()
	m.Label("done")
	m.mask = nil
}

// setMask makes the first count lanes the ones that exist.
func (m *machine) setMask(count reg.Register) {
	table := m.GP64()
	m.LEAQ(NewDataAddr(NewStaticSymbol("tailMask"), 4*lanes), table)
	m.SHLQ(Imm(2), count)
	m.SUBQ(count, table)
	for p := range m.parts() {
		bits := m.register()
		m.VMOVUPS(Mem{Base: table, Disp: 32 * p}, bits)
		m.mask = append(m.mask, bits)
	}
	if m.wide {
		k := m.K()
		m.VPMOVD2M(m.mask[0], k)
		m.mask[0] = k
	}
}

// elements emits a whole function: an operation on the elements of the slices.
func (m *machine) elements(slices []string, body func()) {
	m.loop(slices, body)
	m.VZEROUPPER()
	m.RET()
}

// join returns in the lowest lane what op makes of all lanes: 8 and 8, 4 and 4,
// 2 and 2, 1 and 1.
func (m *machine) join(v vector, op, scalar func(...Op)) reg.Register {
	low, high := v[0].(reg.VecVirtual), m.YMM()
	if m.wide {
		m.VEXTRACTF64X4(Imm(1), low, high)
	} else {
		m.VMOVAPS(v[1], high)
	}
	y, half := m.YMM(), m.XMM() // new ones: low may be a register that only AVX-512 has
	op(high, low.AsY(), y)
	x := y.AsX()
	m.VEXTRACTF128(Imm(1), y, half)
	op(half, x, x)
	m.VMOVHLPS(x, x, half)
	op(half, x, x)
	m.VMOVSHDUP(x, half)
	scalar(half, x, x)
	return x
}

// give returns x as the result of the function.
func (m *machine) give(x reg.Register, move func(...Op)) {
	b, err := m.ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	move(x, b.Addr)
	m.VZEROUPPER()
	m.RET()
}

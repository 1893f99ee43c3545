package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ranklab/internal/random"
)

// rowArgs are slices and constants for one call of a row kernel.
type rowArgs struct {
	x       [5][]float32
	sums    []float64
	a, b, c float32
	step    AdamStep
	result  float64
}

// rowKernels lists all row kernels.
var rowKernels = []struct {
	name   string
	slices int // of float32
	passes int // reads and writes of slices
	run    func(i ISA, r *rowArgs)
}{
	{"add", 2, 3, func(i ISA, r *rowArgs) { i.add(r.x[0], r.x[1]) }},
	{"mul", 2, 3, func(i ISA, r *rowArgs) { i.mul(r.x[0], r.x[1]) }},
	{"axpy", 2, 3, func(i ISA, r *rowArgs) { i.axpy(r.x[0], r.x[1], r.a) }},
	{"triad", 3, 3, func(i ISA, r *rowArgs) { i.triad(r.x[0], r.x[1], r.x[2], r.a) }},
	{"scale", 1, 2, func(i ISA, r *rowArgs) { i.scale(r.x[0], r.a) }},
	{"sum", 1, 1, func(i ISA, r *rowArgs) { r.result = float64(i.sum(r.x[0])) }},
	{"dot", 2, 2, func(i ISA, r *rowArgs) { r.result = float64(i.dot(r.x[0], r.x[1])) }},
	{"dot3", 3, 3, func(i ISA, r *rowArgs) { r.result = float64(i.dot3(r.x[0], r.x[1], r.x[2])) }},
	{"dot64", 2, 2, func(i ISA, r *rowArgs) { r.result = i.dot64(r.x[0], r.x[1]) }},
	{"largest", 1, 1, func(i ISA, r *rowArgs) {
		if len(r.x[0]) > 0 {
			r.result = float64(i.largest(r.x[0]))
		}
	}},
	{"addSquares", 1, 5, func(i ISA, r *rowArgs) { i.addSquares(r.sums, r.x[0]) }},
	{"exps", 2, 2, func(i ISA, r *rowArgs) { r.result = float64(i.exps(r.x[0], r.x[1], r.a, r.b)) }},
	{"exps in place", 1, 2, func(i ISA, r *rowArgs) { r.result = float64(i.exps(r.x[0], r.x[0], r.a, r.b)) }},
	{"swiglu", 3, 3, func(i ISA, r *rowArgs) { i.swiglu(r.x[0], r.x[1], r.x[2]) }},
	{"swigluBackward", 5, 5, func(i ISA, r *rowArgs) { i.swigluBackward(r.x[0], r.x[1], r.x[2], r.x[3], r.x[4]) }},
	{"swigluBackward in place", 3, 5, func(i ISA, r *rowArgs) { i.swigluBackward(r.x[0], r.x[1], r.x[2], r.x[0], r.x[1]) }},
	{"normalize", 3, 3, func(i ISA, r *rowArgs) { i.normalize(r.x[0], r.x[1], r.x[2], r.a) }},
	{"normBackward", 4, 5, func(i ISA, r *rowArgs) { i.normBackward(r.x[0], r.x[1], r.x[2], r.x[3], r.a, r.b) }},
	{"addNormalized", 3, 4, func(i ISA, r *rowArgs) { i.addNormalized(r.x[0], r.x[1], r.x[2], r.a) }},
	{"rotate", 4, 6, func(i ISA, r *rowArgs) { i.rotate(r.x[0], r.x[1], r.x[2], r.x[3], r.a) }},
	{"softmaxBackward", 2, 3, func(i ISA, r *rowArgs) { i.softmaxBackward(r.x[0], r.x[1], r.a) }},
	{"drop", 2, 2, func(i ISA, r *rowArgs) {
		m, n := newMask(0.3, random.New(uint64(math.Float32bits(r.a)))), len(r.x[0])/dropUnit*dropUnit
		m.words.counter = m.key.Counter(uint64(len(r.x[0])) << 30)
		i.drop(r.x[0][:n], r.x[1][:n], &m.words)
	}},
	{"momentum", 2, 4, func(i ISA, r *rowArgs) { i.momentum(r.x[0], r.x[1], r.a, r.b) }},
	{"average", 2, 4, func(i ISA, r *rowArgs) { i.average(r.x[0], r.x[1], r.a, r.b) }},
	{"adam", 3, 6, func(i ISA, r *rowArgs) { i.adam(r.x[0], r.x[1], r.x[2], &r.step) }},
	{"adamUpdate", 4, 7, func(i ISA, r *rowArgs) { i.adamUpdate(r.x[0], r.x[1], r.x[2], r.x[3], &r.step) }},
	{"adafactorFull", 2, 4, func(i ISA, r *rowArgs) { i.adafactorFull(r.x[0], r.x[1], r.a, r.b, r.c) }},
	{"divideByRoots", 2, 3, func(i ISA, r *rowArgs) { i.divideByRoots(r.x[0], r.x[1], r.a) }},
}

// drawValue draws a usual value, any bits, or a special value.
func drawValue(t *rapid.T) float32 {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	switch {
	case kind < 6:
		return float32(rapid.Float64Range(-8, 8).Draw(t, "value"))
	case kind < 8:
		return math.Float32frombits(rapid.Uint32().Draw(t, "bits"))
	}
	return rapid.SampledFrom([]float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		expLow, expHigh, math.Nextafter32(expLow, -100), math.Nextafter32(expHigh, 100), math.MaxFloat32, -math.MaxFloat32,
		1e-40, -1e-40, math.SmallestNonzeroFloat32}).Draw(t, "special")
}

// clone returns a deep copy whose slices begin at the given misalignment, each
// followed by a value that no kernel may change.
func (r *rowArgs) clone(misaligned int) *rowArgs {
	c := *r
	for i, x := range r.x {
		c.x[i] = append(append(make([]float32, misaligned), x...), 7)[misaligned : misaligned+len(x)]
	}
	c.sums = append(slices.Clone(r.sums), 7)[:len(r.sums)]
	return &c
}

// differs describes the first difference between two results.
func (r *rowArgs) differs(want *rowArgs) string {
	if r.result != want.result && (r.result == r.result || want.result == want.result) ||
		math.Signbit(r.result) != math.Signbit(want.result) && r.result == r.result {
		return fmt.Sprintf("result %v, want %v", r.result, want.result)
	}
	for i := range r.x {
		for j, v := range r.x[i] {
			if !sameBits(v, want.x[i][j]) {
				return fmt.Sprintf("slice %d, element %d: %x, want %x", i, j, v, want.x[i][j])
			}
		}
		if after := r.x[i][:len(r.x[i])+1]; after[len(r.x[i])] != 7 {
			return fmt.Sprintf("slice %d: what follows is %v", i, after[len(r.x[i])])
		}
	}
	for j, v := range r.sums {
		if w := want.sums[j]; v != w && (v == v || w == w) {
			return fmt.Sprintf("sum %d: %x, want %x", j, v, w)
		}
	}
	return ""
}

// TestRowKernels compares the kernels with the Go functions, bit by bit.
func TestRowKernels(t *testing.T) {
	for _, k := range rowKernels {
		t.Run(k.name, rapid.MakeCheck(func(t *rapid.T) { sameAsGo(t, k.run) }))
	}
}

// FuzzRowKernels looks for arguments with which a kernel and its Go function
// differ.
func FuzzRowKernels(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		k := rowKernels[rapid.IntRange(0, len(rowKernels)-1).Draw(t, "kernel")]
		t.Log(k.name)
		sameAsGo(t, k.run)
	}))
}

// sameAsGo draws arguments and runs a kernel on each instruction set.
func sameAsGo(t *rapid.T, run func(i ISA, r *rowArgs)) {
	n := rapid.IntRange(0, 215).Draw(t, "n")
	// A period that is no multiple of the width keeps the draws few.
	values := rapid.SliceOfN(rapid.Custom(drawValue), 37, 37).Draw(t, "values")
	var in rowArgs
	for i := range in.x {
		for j := range n {
			in.x[i] = append(in.x[i], values[(j+i*11)%len(values)])
		}
	}
	in.sums = make([]float64, n)
	scalar := func(name string) float32 {
		return rapid.OneOf(rapid.Float32Range(-2, 2), rapid.Custom(drawValue)).Draw(t, name)
	}
	in.a, in.b, in.c = scalar("a"), scalar("b"), scalar("c")
	in.step = AdamStep{scalar("β1"), scalar("1-β1"), scalar("β2"), scalar("1-β2"), scalar("size"), scalar("correction"), scalar("ε")}
	want := in.clone(0)
	run(Go, want)
	for _, isa := range Supported() {
		got := in.clone(rapid.IntRange(0, 16).Draw(t, "misaligned"))
		run(isa, got)
		if diff := got.differs(want); diff != "" {
			t.Fatalf("%v, n = %d: %s", isa, n, diff)
		}
	}
}

// BenchmarkRowKernels runs on 16 KiB per slice, in the first or second level
// cache; passes over slices count for the bandwidth.
func BenchmarkRowKernels(b *testing.B) {
	const n = 4096
	for _, k := range rowKernels {
		for _, isa := range Supported() {
			b.Run(fmt.Sprint(k.name, "/", isa), func(b *testing.B) {
				r := rowArgs{sums: make([]float64, n), a: 0.5, b: -1, c: 1e-30, step: AdamStep{0.9, 0.1, 0.999, 0.001, 1e-3, 1, 1e-8}}
				for i := range r.x {
					r.x[i] = make([]float32, n)
					for j := range r.x[i] {
						r.x[i][j] = 1 + float32((i+j)%100)/100
					}
				}
				fresh := r.clone(0)
				b.SetBytes(int64(4 * n * k.passes))
				for i := 0; b.Loop(); i++ {
					k.run(isa, &r)
					if i%64 == 63 { // before what works in place reaches subnormal numbers
						for j := range k.slices {
							copy(r.x[j], fresh.x[j])
						}
					}
				}
			})
		}
	}
}

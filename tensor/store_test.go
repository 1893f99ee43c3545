package tensor

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// bfloat returns the value of 16 bits.
func bfloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// TestNearest: roundings of single values, ties to even.
func TestNearest(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		x    float32
		want uint16
	}{
		{0, 0}, {float32(math.Copysign(0, -1)), 0x8000}, {1, 0x3f80}, {-2.5, 0xc020},
		{1 + 1.0/256, 0x3f80}, {1 + 3.0/256, 0x3f82}, // ties: 1 is even, 1+4/256 is even
		{math.Float32frombits(0x3f808001), 0x3f81}, {math.Float32frombits(0x3f807fff), 0x3f80},
		{inf, 0x7f80}, {-inf, 0xff80}, {math.MaxFloat32, 0x7f80}, {math.Float32frombits(0x7f7f7fff), 0x7f7f},
		{math.Float32frombits(1), 0}, {math.Float32frombits(0x8001), 1}, // subnormal
	} {
		if got := nearest(c.x); got != c.want {
			t.Errorf("%g: %#04x, want %#04x", c.x, got, c.want)
		}
	}
	for _, bits := range []uint32{0x7f800001, 0x7fffffff, 0xffc00000} {
		x := math.Float32frombits(bits)
		var h [1]uint16
		dither(h[:], []float32{x}, random.New(1), 5)
		if a, b := bfloat(nearest(x)), bfloat(h[0]); a == a || b == b {
			t.Errorf("NaN %#x becomes %g and %g", bits, a, b)
		}
	}
}

// neighbours returns the bfloat16 values around a finite x, equal if x is one.
func neighbours(x float32) (toZero, away float32) {
	b := math.Float32bits(x)
	toZero = math.Float32frombits(b &^ 0xffff)
	if b&0xffff == 0 {
		return toZero, toZero
	}
	return toZero, math.Float32frombits(b&^0xffff + 0x10000)
}

// TestRoundings: both roundings give a neighbour, the nearest that with the
// smaller distance; what is representable stays as it is.
func TestRoundings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := math.Float32frombits(rapid.Uint32().Draw(t, "bits"))
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return
		}
		low, high := neighbours(x)
		if math.IsInf(float64(high), 0) {
			return
		}
		near := bfloat(nearest(x))
		down, up := math.Abs(float64(x)-float64(low)), math.Abs(float64(high)-float64(x))
		if near != low && near != high || near == low && down > up || near == high && up > down {
			t.Errorf("%g lies between %g and %g and becomes %g", x, low, high, near)
		}
		var h [1]uint16
		dither(h[:], []float32{x}, random.New(rapid.Uint64().Draw(t, "seed")), rapid.Uint64().Draw(t, "index"))
		if got := bfloat(h[0]); got != low && got != high {
			t.Errorf("%g lies between %g and %g and becomes %g", x, low, high, got)
		}
	})
}

// TestStochasticIsUnbiased: the mean of many roundings is the value, within four
// standard errors.
func TestStochasticIsUnbiased(t *testing.T) {
	const n = 1 << 16
	for _, fraction := range []float64{0.001, 0.1, 0.5, 0.9} {
		for _, sign := range []float32{1, -1} {
			x := sign * float32(1+fraction/128) // the neighbours are 1/128 apart
			src, dst := make([]float32, n), make([]uint16, n)
			for i := range src {
				src[i] = x
			}
			dither(dst, src, random.New(3), 1)
			up := 0
			for _, h := range dst {
				if math.Abs(float64(bfloat(h))) > 1 {
					up++
				}
			}
			share, deviation := float64(up)/n, math.Sqrt(fraction*(1-fraction)/n)
			if math.Abs(share-fraction) > 4*deviation {
				t.Errorf("%g is rounded away from zero %.5f of the time, want %.5f", x, share, fraction)
			}
		}
	}
}

// random numbers of a store test: many magnitudes, both signs.
func lively(rows, cols int, seed uint64) Matrix {
	m, key := Of(make([]float32, rows*cols), rows, cols), random.New(seed)
	for i := range m.Data {
		m.Data[i] = float32(key.Normal(uint64(2*i)) * math.Exp2(float64(key.Below(uint64(2*i+1), 12))))
	}
	return m
}

func formats() map[string]Format {
	return map[string]Format{
		"float32": {}, "bfloat16": {Type: BFloat16},
		"signed": {Type: DynamicSigned, Block: 256}, "unsigned": {Type: DynamicUnsigned, Block: 2048},
		"affine 8": {Type: Affine8, Block: 256}, "affine 4": {Type: Affine4, Block: 64},
	}
}

func allocate(t *testing.T, f Format, rows, cols int) Store {
	t.Helper()
	l := memory.New()
	s := AllocStore(l, memory.OptimizerState, "x", rows, cols, f)
	p := memory.Predict()
	AllocStore(p, memory.OptimizerState, "x", rows, cols, f)
	if l.Total() != s.Bytes() || !slices.Equal(l.Entries(), p.Entries()) {
		t.Fatalf("%d bytes registered, predicted %v, declared %d", l.Total(), p.Entries(), s.Bytes())
	}
	s.Free(l, memory.OptimizerState, "x")
	if l.Total() != 0 {
		t.Fatalf("%d bytes left", l.Total())
	}
	return s
}

// TestStores: in every format, what is saved on any number of threads has the
// same bits; saving what was loaded changes nothing; a new store is zero, and
// so is a cleared one.
func TestStores(t *testing.T) {
	const rows, cols = 37, 555 // not a multiple of any block
	for name, f := range formats() {
		x := lively(rows, cols, 1)
		if f.Type == DynamicUnsigned {
			for i, v := range x.Data {
				x.Data[i] = v * v
			}
		}
		var want Store
		var loaded []float32
		for i, threads := range []int{1, 2, 5} {
			d := NewDevice(Options{Threads: threads})
			s, y := allocate(t, f, rows, cols), lively(rows, cols, 9)
			if d.Load(y, s); d.SumSquares(y) != 0 {
				t.Errorf("%s: a new store is not zero", name)
			}
			d.Save(s, x, Stochastically(random.New(4)))
			d.Load(y, s)
			if i == 0 {
				want = Store{Floats: slices.Clone(s.Floats), Halves: slices.Clone(s.Halves), Codes: slices.Clone(s.Codes), Zeros: slices.Clone(s.Zeros)}
				loaded = slices.Clone(y.Data)
			}
			if !slices.Equal(s.Floats, want.Floats) || !slices.Equal(s.Halves, want.Halves) || !slices.Equal(s.Codes, want.Codes) || !slices.Equal(s.Zeros, want.Zeros) || !slices.Equal(y.Data, loaded) {
				t.Errorf("%s: other bits on %d threads", name, threads)
			}
			if f.Type <= BFloat16 {
				again := allocate(t, f, rows, cols)
				d.Save(again, y, Stochastically(random.New(5)))
				if !slices.Equal(again.Floats, s.Floats) || !slices.Equal(again.Halves, s.Halves) {
					t.Errorf("%s: saving what was loaded changes it", name)
				}
			}
			s.Clear()
			if d.Load(y, s); d.SumSquares(y) != 0 {
				t.Errorf("%s: a cleared store is not zero", name)
			}
			d.Close()
		}
	}
}

// TestStoredSteps: a step on stored moments is load, step and save.
func TestStoredSteps(t *testing.T) {
	d := NewDevice(Options{Threads: 3})
	defer d.Close()
	const rows, cols = 21, 431
	step := AdamStep{0.9, 0.1, 0.999, 0.001, 1e-2, 1.5, 1e-8}
	rm, rv := Stochastically(random.New(1)), Stochastically(random.New(2))
	for name, f := range formats() {
		first, second := f, f
		if f.Type == DynamicUnsigned {
			first.Type = DynamicSigned
		}
		type state struct {
			w, g Matrix
			m, v Store
		}
		start := func() state {
			s := state{lively(rows, cols, 1), lively(rows, cols, 2), allocate(t, first, rows, cols), allocate(t, second, rows, cols)}
			m, v := lively(rows, cols, 3), lively(rows, cols, 4)
			for i := range v.Data {
				v.Data[i] *= v.Data[i]
			}
			d.Save(s.m, m, Rounding{})
			d.Save(s.v, v, Rounding{})
			return s
		}
		wide := func(s Store) Matrix {
			m := Of(make([]float32, rows*cols), rows, cols)
			d.Load(m, s)
			return m
		}
		check := func(operation string, got, want state) {
			t.Helper()
			for _, same := range []bool{
				slices.Equal(got.w.Data, want.w.Data), slices.Equal(got.g.Data, want.g.Data),
				slices.Equal(wide(got.m).Data, wide(want.m).Data), slices.Equal(wide(got.v).Data, wide(want.v).Data),
			} {
				if !same {
					t.Errorf("%s in %s: other bits than load, step, save", operation, name)
				}
			}
		}
		got, want := start(), start()
		d.AdamStored(got.g, got.m, got.v, step, rm, rv)
		m, v := wide(want.m), wide(want.v)
		d.Adam(want.g, m, v, step)
		d.Save(want.m, m, rm)
		d.Save(want.v, v, rv)
		check("Adam", got, want)

		got, want = start(), start()
		d.AdamUpdateStored(got.w, got.g, got.m, got.v, step, rm, rv)
		m, v = wide(want.m), wide(want.v)
		d.AdamUpdate(want.w, want.g, m, v, step)
		d.Save(want.m, m, rm)
		d.Save(want.v, v, rv)
		check("AdamUpdate", got, want)

		got, want = start(), start()
		d.MomentumStored(got.g, got.m, 0.9, 0.1, rm)
		m = wide(want.m)
		d.Momentum(want.g, m, 0.9, 0.1)
		d.Save(want.m, m, rm)
		check("Momentum", got, want)

		got, want = start(), start()
		d.AverageStored(got.g, got.m, 0.9, 0.1, rm)
		m = wide(want.m)
		d.Average(want.g, m, 0.9, 0.1)
		d.Save(want.m, m, rm)
		check("Average", got, want)
	}
}

// TestEmbedStored: rows of a bfloat16 table.
func TestEmbedStored(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	table := lively(9, 33, 1)
	kept := allocate(t, Format{Type: BFloat16}, 9, 33)
	d.Save(kept, table, Rounding{})
	d.Load(table, kept)
	tokens := []int32{8, 0, 3, 3, 8}
	got, want := lively(5, 33, 2), lively(5, 33, 3)
	d.EmbedStored(got, kept, tokens)
	d.Embed(want, table, tokens)
	if !slices.Equal(got.Data, want.Data) {
		t.Error("other rows than those of the widened table")
	}
	d.EmbedStored(got, Store{Rows: table.Rows, Cols: table.Cols, Floats: table.Data}, tokens)
	if !slices.Equal(got.Data, want.Data) {
		t.Error("other rows of a float32 table")
	}
}

// TestSecondMomentInBFloat16 pins what docs/precision.md says of Adam's second
// moment: rounded to nearest it never decays and does not see gradients below
// its root; rounded stochastically it does both on average.
func TestSecondMomentInBFloat16(t *testing.T) {
	const n, updates, b2 = 4096, 1000, 0.999
	run := func(v0, g float32, stochastic bool) (mean float64) {
		values, kept := make([]float32, n), make([]uint16, n)
		for i := range kept {
			kept[i] = nearest(v0)
		}
		for u := range updates {
			widen(values, kept)
			for i := range values {
				values[i] = fma32(b2, values[i], float32(1-b2)*float32(g*g))
			}
			if stochastic {
				dither(kept, values, random.New(7).Step(u), 0)
			} else {
				narrow(kept, values)
			}
		}
		widen(values, kept)
		for _, v := range values {
			mean += float64(v) / n
		}
		return mean
	}
	// Gradients vanish: in float32 V falls to 0.999¹⁰⁰⁰ = 0.3677.
	if v := run(1, 0, false); v != 1 {
		t.Errorf("V = 1 falls to %g rounded to nearest", v)
	}
	if v, want := run(1, 0, true), math.Pow(b2, updates); math.Abs(v/want-1) > 0.01 {
		t.Errorf("V = 1 falls to %g rounded stochastically, want %g", v, want)
	}
	// Gradients grow to 1.5 times the root: V is to approach 2.25, and stays.
	if v := run(1, 1.5, false); v != 1 {
		t.Errorf("V = 1 rises to %g under g = 1.5", v)
	}
	if v, want := run(1, 1.5, true), 2.25-1.25*math.Pow(b2, updates); math.Abs(v/want-1) > 0.01 {
		t.Errorf("V = 1 rises to %g under g = 1.5, want %g", v, want)
	}
	// Only gradients well above the root pass, and what they leave stays: V
	// stops where 0.001·g² is half a unit, between g²/4 and g²/2.
	if v := run(1, 8, false); v < 64.0/4 || v > 64.0/2 {
		t.Errorf("V = 1 rises to %g under g = 8", v)
	}
}

package tensor

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// affineFormats are those of a basis, by the number of codes less one.
func affineFormats() map[float64]Format {
	return map[float64]Format{15: {Type: Affine4, Block: 256}, 255: {Type: Affine8, Block: 256}}
}

// through returns what becomes of a row of values in a format.
func through(d *Device, f Format, x []float32) ([]float32, Store) {
	s := AllocStore(memory.New(), memory.Projectors, "x", 1, len(x), f)
	y := slices.Clone(x)
	d.Save(s, Of(y, 1, len(x)), Rounding{})
	d.Load(Of(y, 1, len(x)), s)
	return y, s
}

// Blocks whose constants and codes are worked out by hand.
func TestAffineByHand(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	for _, c := range []struct {
		name        string
		x, want     []float32
		scale, zero float64
	}{
		{"both signs", []float32{-1, 0, 0.61, 2}, []float32{-1, 0, 0.6, 2}, 0.2, 5},
		{"zeros and a one", []float32{0, 0, 1, 0}, []float32{0, 0, 1, 0}, 1.0 / 15, 0},
		{"zeros and its negative", []float32{0, -1, 0}, []float32{0, -1, 0}, 1.0 / 15, 15},
		{"halves to even", []float32{-7, 8, 0.5, 1.5, -0.5, -1.5}, []float32{-7, 8, 0, 2, 0, -2}, 1, 7},
		// 0 is a code, so what lies farther from it than the range is long is cut.
		{"no negative value", []float32{0.9, 1}, []float32{0.1, 0.1}, 0.1 / 15, 0},
		{"no positive value", []float32{-0.9, -1}, []float32{-0.1, -0.1}, 0.1 / 15, 15},
		// A range below 1e-5 counts as that.
		{"zeros", []float32{0, 0, 0}, []float32{0, 0, 0}, 1e-5 / 15, 0},
		{"tiny", []float32{-1e-7, 1e-7}, []float32{0, 0}, 1e-5 / 15, 0},
		{"an odd number", []float32{-1, 2, -1, 2, 0}, []float32{-1, 2, -1, 2, 0}, 0.2, 5},
	} {
		got, s := through(d, Format{Type: Affine4, Block: 256}, c.x)
		for i, v := range got {
			if math.Abs(float64(v-c.want[i])) > 1e-6 {
				t.Errorf("%s: %v becomes %v, want %v", c.name, c.x, got, c.want)
				break
			}
		}
		if math.Abs(float64(s.Floats[0])/c.scale-1) > 1e-6 || float64(s.Zeros[0]) != c.zero {
			t.Errorf("%s: scale %v and zero %d, want %v and %v", c.name, s.Floats[0], s.Zeros[0], c.scale, c.zero)
		}
	}
}

// Whatever a block holds: with values of both signs none moves by more than half
// a step, 0 stays, and every value is the one that the formulas give.
func TestAffineFormulas(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	rapid.Check(t, func(t *rapid.T) {
		levels := rapid.SampledFrom([]float64{15, 255}).Draw(t, "levels")
		n := rapid.IntRange(1, 600).Draw(t, "values")
		size := math.Exp2(float64(rapid.IntRange(-30, 30).Draw(t, "exponent")))
		key, shift := random.New(rapid.Uint64().Draw(t, "seed")), rapid.Float64Range(-4, 4).Draw(t, "shift")
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(size * (key.Normal(uint64(i)) + shift))
		}
		got, s := through(d, affineFormats()[levels], x)
		for lo := 0; lo < n; lo += 256 {
			block := x[lo:min(lo+256, n)]
			low, high := float64(slices.Min(block)), float64(slices.Max(block))
			scale := max(high-low, 1e-5) / levels
			zero := min(max(-math.RoundToEven(low/scale), 0), levels)
			if g := float64(s.Floats[lo/256]); math.Abs(g/scale-1) > 1e-6 {
				t.Fatalf("scale %v, want %v", g, scale)
			}
			scale = float64(s.Floats[lo/256])
			for i, v := range block {
				code := min(max(math.RoundToEven(float64(v)/scale)+zero, 0), levels)
				want, off := (code-zero)*scale, math.Abs(float64(got[lo+i])-float64(v))
				// At a border float32 may decide otherwise.
				if math.Abs(float64(got[lo+i])-want) > 1e-5*scale*levels && off > scale*(0.5+1e-4*levels/15) {
					t.Fatalf("%v becomes %v, want %v", v, got[lo+i], want)
				}
				if low <= 0 && high >= 0 && off > scale*(1+1e-4*levels) {
					t.Fatalf("%v moves by %v with a step of %v", v, off, scale)
				}
				if v == 0 && got[lo+i] != 0 {
					t.Fatalf("0 becomes %v", got[lo+i])
				}
			}
		}
	})
}

// A block with a number that is none is lost as a whole, and its neighbours are
// not.
func TestAffineNotFinite(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	for _, f := range affineFormats() {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			x := lively(1, 3*256, 3).Data
			x[300] = bad
			got, _ := through(d, f, x)
			for i, v := range got {
				if lost := v != v; lost != (i/256 == 1) {
					t.Fatalf("%v in value 300: value %d is %v", bad, i, v)
				}
			}
		}
		huge := []float32{-math.MaxFloat32, math.MaxFloat32}
		if got, _ := through(d, f, huge); got[0] == got[0] {
			t.Errorf("a range above the largest float32 gives %v", got)
		}
	}
}

// The bytes of a store: codes, a scale and a zero per block.
func TestAffineBytes(t *testing.T) {
	for _, c := range []struct {
		t    Type
		n    int
		want int64
	}{{Affine8, 1, 6}, {Affine8, 256, 261}, {Affine8, 257, 267}, {Affine4, 1, 6}, {Affine4, 256, 133}, {Affine4, 257, 139}, {Affine4, 0, 0}} {
		if got := (Format{Type: c.t, Block: 256}).Bytes(c.n); got != c.want {
			t.Errorf("%d values of type %d: %d bytes, want %d", c.n, c.t, got, c.want)
		}
	}
}

// How far a stored basis is from itself, so that docs/precision.md can say so.
func TestAffineBasis(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	const rank, side = 32, 512
	for levels, most := range map[float64]float64{15: 0.13, 255: 0.008} {
		g, p := lively(side, side, 1), newMatrix(rank, side)
		w := NewRandomBasis(memory.New(), "basis", Stiefel, Panel{Out: side, In: side, Rank: rank})
		d.DrawRight(w, g, p, random.New(4))
		s := AllocStore(memory.New(), memory.Projectors, "p", rank, side, affineFormats()[levels])
		d.Save(s, p, Rounding{})
		kept := newMatrix(rank, side)
		d.Load(kept, s)
		d.Axpy(-1, p, kept)
		off := math.Sqrt(d.SumSquares(kept) / d.SumSquares(p))
		t.Logf("%v levels: relative error %.4f", levels, off)
		if !(off < most && off > most/2) {
			t.Errorf("%v levels: relative error %v, want at most %v", levels, off, most)
		}
	}
}

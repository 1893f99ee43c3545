package tensor

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestDynamicMaps: the maps of 2110.02861, by their known elements.
func TestDynamicMaps(t *testing.T) {
	signed, unsigned := DynamicMap(DynamicSigned), DynamicMap(DynamicUnsigned)
	for _, c := range []struct {
		m    [256]float32
		at   int
		want float64
	}{
		{signed, 0, -0.99296875}, {signed, 127, 0}, {signed, 128, 5.5e-7}, {signed, 129, 3.25e-6}, {signed, 130, 7.75e-6},
		{signed, 252, 0.96484375}, {signed, 253, 0.97890625}, {signed, 254, 0.99296875}, {signed, 255, 1},
		{unsigned, 0, 0}, {unsigned, 1, 3.25e-7}, {unsigned, 2, 7.75e-7}, {unsigned, 3, 2.125e-6},
		{unsigned, 253, 0.989453125}, {unsigned, 254, 0.996484375}, {unsigned, 255, 1},
	} {
		if got := c.m[c.at]; got != float32(c.want) {
			t.Errorf("element %d is %v, want %v", c.at, got, c.want)
		}
	}
	for _, m := range [][256]float32{signed, unsigned} {
		for i := range 255 {
			if !(m[i] < m[i+1]) {
				t.Fatalf("elements %d and %d: %v, %v", i, i+1, m[i], m[i+1])
			}
		}
	}
	for i := range 127 {
		if signed[i] != -signed[254-i] {
			t.Errorf("element %d is not the negative of element %d", i, 254-i)
		}
	}
}

// nearestOf searches a whole map.
func nearestOf(m [256]float32, x float32) (code int, distance float64) {
	distance = math.Inf(1)
	for i, v := range m {
		if d := math.Abs(float64(v) - float64(x)); d < distance {
			code, distance = i, d
		}
	}
	return code, distance
}

// TestCodes: each code is that of a nearest element, and a negative value is
// never kept as zero.
func TestCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]Type{DynamicSigned, DynamicUnsigned}).Draw(t, "type")
		x := rapid.Float32Range(0, 1).Draw(t, "x")
		if rapid.Bool().Draw(t, "small") {
			x *= rapid.SampledFrom([]float32{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2}).Draw(t, "factor")
		}
		m := Format{Type: typ}.dynamic()
		if typ == DynamicSigned && rapid.Bool().Draw(t, "negative") {
			x = -x
		}
		got := m.code(x)
		want, distance := nearestOf(m.values, x)
		if x < 0 && want == int(m.zero) {
			if got != m.zero-1 {
				t.Errorf("%g has code %d, want the largest negative one", x, got)
			}
			return
		}
		// The borders are float32 values: at one, either side is nearest.
		if d := math.Abs(float64(m.values[got]) - float64(x)); d > distance*(1+1e-5) {
			t.Errorf("%g has code %d at distance %g, want %d at %g", x, got, d, want, distance)
		}
	})
	m := Format{Type: DynamicSigned}.dynamic()
	for code, v := range m.values {
		if got := m.code(v); int(got) != code {
			t.Errorf("element %d has code %d", code, got)
		}
	}
}

// TestBlocks: each block has its own largest magnitude, which is kept exactly;
// the error of a value is at most a half cell of its decade.
func TestBlocks(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	const n, block = 1000, 256
	x := lively(1, n, 5)
	s := allocate(t, Format{Type: DynamicSigned, Block: block}, 1, n)
	d.Save(s, x, Rounding{})
	y := lively(1, n, 6)
	d.Load(y, s)
	for b := range s.Floats {
		part := x.Data[b*block : min((b+1)*block, n)]
		largest := float32(0)
		for _, v := range part {
			largest = max(largest, float32(math.Abs(float64(v))))
		}
		if s.Floats[b] != largest {
			t.Errorf("block %d: largest magnitude %g, want %g", b, s.Floats[b], largest)
		}
		for i, v := range part {
			relative := math.Abs(float64(y.Data[b*block+i]-v)) / float64(largest)
			if relative > 0.9/64/2+1e-6 {
				t.Errorf("%g of %g becomes %g", v, largest, y.Data[b*block+i])
			}
		}
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		z := lively(1, n, 5)
		z.Data[300] = bad
		d.Save(s, z, Rounding{})
		d.Load(y, s)
		nan := func(v float32) bool { return v != v }
		if !nan(y.Data[300]) || slices.ContainsFunc(y.Data[:256], nan) || slices.ContainsFunc(y.Data[512:], nan) {
			t.Errorf("%g: its block must be NaN and no other", bad)
		}
	}
}

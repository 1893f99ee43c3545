package tensor

import (
	"math"
	"testing"
)

func TestRopeTables(t *testing.T) {
	cos, sin := drawn("cos", 3000, 8), drawn("sin", 3000, 8)
	RopeTables(cos, sin, 10000)
	for pos := range 3000 {
		for i := range 8 {
			s, c := math.Sincos(float64(pos) * math.Pow(10000, -2*float64(i)/16))
			if gs, gc := row(sin, pos)[i], row(cos, pos)[i]; math.Abs(float64(gs)-s) > 6.1e-8 || math.Abs(float64(gc)-c) > 6.1e-8 {
				t.Fatalf("position %d, frequency %d: %v, %v, want %v, %v", pos, i, gc, gs, c, s)
			}
		}
	}
}

func TestRope(t *testing.T) {
	const rows, length, heads, hd = 10, 5, 3, 6
	d := newDevice(t, Auto, 2)
	cos, sin := drawn("cos", length+2, hd/2), drawn("sin", length+2, hd/2)
	RopeTables(cos, sin, 100)
	x := drawn("x", rows, heads*hd)
	x64 := wide(x)
	f := func() []float64 {
		y := make([]float64, len(x64))
		for n := range rows {
			for h := range heads {
				for i := range hd / 2 {
					s, c := math.Sincos(float64(n%length) * math.Pow(100, -2*float64(i)/hd))
					a := n*heads*hd + h*hd + i
					b := a + hd/2
					y[a], y[b] = x64[a]*c-x64[b]*s, x64[b]*c+x64[a]*s
				}
			}
		}
		return y
	}
	d.Rope(x, cos, sin, length)
	near(t, "y", x, f(), 1e-6)
	dy := drawn("dy", rows, heads*hd)
	want := slopes(x64, wide(dy), f)
	d.RopeBackward(dy, cos, sin, length)
	near(t, "dx", dy, want, 1e-6)
	mustPanic(t, "length", func() { d.Rope(x, cos, sin, length+3) })
}

// Scores of rotated vectors depend on the distance of their positions only.
func TestRopeRelative(t *testing.T) {
	const length, hd = 40, 16
	d := newDevice(t, Auto, 1)
	cos, sin := drawn("cos", length, hd/2), drawn("sin", length, hd/2)
	RopeTables(cos, sin, 10000)
	q, k := drawn("q", length, hd), drawn("k", length, hd)
	for i := 1; i < length; i++ {
		copy(row(q, i), row(q, 0))
		copy(row(k, i), row(k, 0))
	}
	d.Rope(q, cos, sin, length)
	d.Rope(k, cos, sin, length)
	for i := range length - 7 {
		if a, b := dot(row(q, 7), row(k, 0)), dot(row(q, i+7), row(k, i)); math.Abs(float64(a-b)) > 1e-5 {
			t.Errorf("distance 7 at position %d: %v, at 0: %v", i, b, a)
		}
	}
}

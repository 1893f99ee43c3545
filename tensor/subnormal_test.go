package tensor

import (
	"math"
	"testing"

	"ranklab/internal/random"
)

// subnormals counts the elements whose products with others are slow.
func subnormals(x Matrix) (n int) {
	for i := range x.Rows {
		for _, v := range row(x, i) {
			if v != 0 && math.Abs(float64(v)) < 0x1p-126 {
				n++
			}
		}
	}
	return n
}

// TestNoSubnormals: attention whose scores differ by up to a few hundred, and
// gates as far from zero, give no subnormal gradients to the products that follow.
func TestNoSubnormals(t *testing.T) {
	const batch, length, count, width = 2, 96, 2, 16
	d := newDevice(t, Auto, 2)
	key := random.New(3)
	draw := func(name string, std float64) Matrix {
		m := newMatrix(batch*length, count*width)
		d.FillNormal(m, std, key.Tensor(name))
		return m
	}
	q, k, v, dout := draw("q", 6), draw("k", 6), draw("v", 1), draw("dout", 1e-9)
	out, dq, dk, dv := draw("out", 0), draw("dq", 0), draw("dk", 0), draw("dv", 0)
	lse := make([]float32, batch*length*count)
	scratch := make([]float32, AttentionScratch(d.Threads(), length, true))
	d.Attention(out, lse, q, k, v, batch, count, scratch)
	d.AttentionBackward(dq, dk, dv, dout, out, lse, q, k, v, batch, count, scratch)
	for name, x := range map[string]Matrix{"out": out, "dq": dq, "dk": dk, "dv": dv} {
		if n := subnormals(x); n > 0 {
			t.Errorf("attention: %d of %d elements of %s are subnormal", n, x.Rows*x.Cols, name)
		}
	}
	gate, up := draw("gate", 40), draw("up", 1)
	d.SwiGLU(out, gate, up)
	d.SwiGLUBackward(gate, up, dout, gate, up)
	for name, x := range map[string]Matrix{"y": out, "dgate": gate, "dup": up} {
		if n := subnormals(x); n > 0 {
			t.Errorf("SwiGLU: %d of %d elements of %s are subnormal", n, x.Rows*x.Cols, name)
		}
	}
}

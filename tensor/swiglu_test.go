package tensor

import (
	"math"
	"testing"
)

func TestSwiGLU(t *testing.T) {
	d := newDevice(t, Auto, 2)
	for _, cols := range []int{1, 127, 128, 300} {
		gate, up, dy := drawn("gate", 3, cols), drawn("up", 3, cols), drawn("dy", 3, cols)
		d.Scale(3, gate)
		gate64, up64 := wide(gate), wide(up)
		f := func() []float64 {
			y := make([]float64, len(gate64))
			for i, g := range gate64 {
				y[i] = g / (1 + math.Exp(-g)) * up64[i]
			}
			return y
		}
		y := drawn("y", 3, cols)
		d.SwiGLU(y, gate, up)
		near(t, "y", y, f(), 1e-6)
		wantGate, wantUp := slopes(gate64, wide(dy), f), slopes(up64, wide(dy), f)
		d.SwiGLUBackward(gate, up, dy, gate, up) // in place
		near(t, "dgate", gate, wantGate, 1e-6)
		near(t, "dup", up, wantUp, 1e-6)
	}
}

func TestSwiGLULimits(t *testing.T) {
	d := newDevice(t, Auto, 1)
	nan := float32(math.NaN())
	gate, up := Of([]float32{-1000, 1000, -89, 0, nan}, 1, 5), Of([]float32{2, 2, 2, 2, 2}, 1, 5)
	y := Of(make([]float32, 5), 1, 5)
	d.SwiGLU(y, gate, up)
	d.SwiGLUBackward(gate, up, Of([]float32{1, 1, 1, 1, 1}, 1, 5), gate, up)
	for i, want := range []float32{0, 2000, 0, 0} {
		if y.Data[i] != want {
			t.Errorf("y[%d] = %v, want %v", i, y.Data[i], want)
		}
	}
	for i, want := range []float32{0, 2, 0, 1} {
		if gate.Data[i] != want {
			t.Errorf("dgate[%d] = %v, want %v", i, gate.Data[i], want)
		}
	}
	if y.Data[4] == y.Data[4] || gate.Data[4] == gate.Data[4] {
		t.Error("NaN is lost")
	}
}

func TestSwiGLUThreads(t *testing.T) {
	onThreads(t, func(d *Device) []Matrix {
		gate, up, y := drawn("gate", 300, 200), drawn("up", 300, 200), drawn("y", 300, 200)
		d.SwiGLU(y, gate, up)
		d.SwiGLUBackward(gate, up, drawn("dy", 300, 200), gate, up)
		return []Matrix{y, gate, up}
	})
}

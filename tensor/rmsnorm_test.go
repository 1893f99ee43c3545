package tensor

import (
	"math"
	"testing"
)

func rmsnorm64(x, gain []float64, eps float64) []float64 {
	d := len(gain)
	y := make([]float64, len(x))
	for n := 0; n < len(x); n += d {
		s := 0.0
		for _, v := range x[n : n+d] {
			s += v * v
		}
		for i, g := range gain {
			y[n+i] = x[n+i] / math.Sqrt(s/float64(d)+eps) * g
		}
	}
	return y
}

func TestRMSNorm(t *testing.T) {
	d := newDevice(t, Auto, 2)
	for _, cols := range []int{1, 16, 37} {
		const rows, eps = 70, 0.25 // large enough to matter
		x, gain, dy := drawn("x", rows, cols), drawn("gain", 1, cols), drawn("dy", rows, cols)
		y, again, dx, dgain := drawn("y", rows, cols), drawn("again", rows, cols), drawn("dx", rows, cols), drawn("dgain", 1, cols)
		before, rstd := wide(dx), make([]float32, rows)
		d.RMSNorm(y, rstd, x, gain, eps)
		d.RMSNormAgain(again, rstd, x, gain)
		d.RMSNormBackward(dx, dy, x, gain, rstd)
		d.RMSNormGain(dgain, dy, x, rstd)

		x64, gain64 := wide(x), wide(gain)
		f := func() []float64 { return rmsnorm64(x64, gain64, eps) }
		near(t, "y", y, f(), 1e-6)
		near(t, "again", again, wide(y), 0)
		want := slopes(x64, wide(dy), f)
		for i := range want {
			want[i] += before[i]
		}
		near(t, "dx", dx, want, 1e-6)
		near(t, "dgain", dgain, slopes(gain64, wide(dy), f), 1e-6)
	}
}

func TestRMSNormThreads(t *testing.T) {
	onThreads(t, func(d *Device) []Matrix {
		x, gain, dy, rstd := drawn("x", 400, 100), drawn("gain", 1, 100), drawn("dy", 400, 100), make([]float32, 400)
		y, dx, dgain := drawn("y", 400, 100), drawn("dx", 400, 100), drawn("dgain", 1, 100)
		d.RMSNorm(y, rstd, x, gain, 1e-6)
		d.RMSNormBackward(dx, dy, x, gain, rstd)
		d.RMSNormGain(dgain, dy, x, rstd)
		return []Matrix{y, dx, dgain}
	})
}

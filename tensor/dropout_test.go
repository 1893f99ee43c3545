package tensor

import (
	"math"
	"testing"

	"ranklab/internal/random"
)

func TestDropout(t *testing.T) {
	d := newDevice(t, Auto, 2)
	key := random.New(5).Stream("dropout")
	for _, p := range []float32{0, 0.1, 0.5} {
		for _, offset := range []uint64{0, 1, 1234567} {
			x, y, dx, dy := drawn("x", 50, 37), drawn("y", 50, 37), drawn("dx", 50, 37), drawn("dy", 50, 37)
			before, g := wide(dx), wide(dy)
			want, dropped := wide(x), 0
			for i := range want {
				f := 1 / (1 - float64(p))
				if key.Float32(offset+uint64(i)) < p {
					f = 0
					dropped++
				}
				want[i] *= f
				before[i] += f * g[i]
			}
			d.Dropout(y, x, p, key, offset)
			near(t, "y", y, want, 1e-6)
			d.DropoutBackward(dx, dy, p, key, offset)
			near(t, "dx", dx, before, 1e-6)
			if share := float64(dropped) / (50 * 37); math.Abs(share-float64(p)) > 0.05 {
				t.Errorf("p = %v: dropped %v", p, share)
			}
		}
	}
	mustPanic(t, "p = 1", func() { d.Dropout(Matrix{}, Matrix{}, 1, key, 0) })
}

func TestDropoutThreads(t *testing.T) {
	onThreads(t, func(d *Device) []Matrix {
		y, dx := drawn("y", 300, 201), drawn("dx", 300, 201)
		d.Dropout(y, drawn("x", 300, 201), 0.3, random.New(1), 3)
		d.DropoutBackward(dx, drawn("dy", 300, 201), 0.3, random.New(1), 3)
		return []Matrix{y, dx}
	})
}

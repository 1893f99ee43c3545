package tensor

import (
	"slices"
	"testing"
)

func TestTriad(t *testing.T) {
	for _, isa := range Supported() {
		d := newDevice(t, isa, 2)
		for _, n := range []int{1, 63, 64, 65, 200, 3*span + 17} {
			x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n+1)
			for i := range x {
				x[i], y[i] = 1/float32(i+3), float32(i%13)-6.1
			}
			dst[n] = 7
			d.Triad(Of(dst, 1, n), 0.3, Of(x, 1, n), Of(y, 1, n))
			want := make([]float32, n, n+1)
			for i := range want {
				want[i] = fma32(y[i], 0.3, x[i])
			}
			if want = append(want, 7); !slices.Equal(dst, want) {
				t.Fatalf("%v: %d elements differ from x + alpha·y", isa, n)
			}
		}
	}
}

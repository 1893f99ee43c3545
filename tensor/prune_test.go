package tensor

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ranklab/internal/random"
)

// The quantile against its definition on sorted magnitudes.
func TestAbsQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(rapid.Float32Range(-1e30, 1e30), 1, 60).Draw(t, "x")
		if rapid.Bool().Draw(t, "ties") {
			for i := range xs {
				xs[i] = float32(int(xs[i]) % 3)
			}
		}
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		sorted := make([]float64, len(xs))
		for i, x := range xs {
			sorted[i] = math.Abs(float64(x))
		}
		slices.Sort(sorted)
		h := p * float64(len(xs)-1)
		k := int(math.Floor(h))
		want := sorted[k]
		if k+1 < len(sorted) {
			want += (h - float64(k)) * (sorted[k+1] - sorted[k])
		}
		if got := AbsQuantile(Of(xs, 1, len(xs)), p); math.Abs(got-want) > 1e-12*want {
			t.Fatalf("quantile %v of %v: %v, want %v", p, xs, got, want)
		}
	})
	for p, want := range map[float64]float64{0: 1, 1: 4, 0.5: 2.5, 0.25: 1.75, 1. / 3: 2} {
		if got := AbsQuantile(Of([]float32{-3, 1, 4, -2}, 1, 4), p); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %v: %v, want %v", p, got, want)
		}
	}
}

func TestPruneMagnitude(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	x := Of([]float32{-3, 1, 4, -2, 0}, 1, 5)
	if n := d.PruneMagnitude(x, 0.5); n != 3 || !slices.Equal(x.Data, []float32{-3, 0, 4, 0, 0}) {
		t.Errorf("median: %v, dropped %d", x.Data, n)
	}
	// Strictly above: equal entries all go, and so does everything at p = 1.
	x = Of([]float32{1, -1, 1}, 1, 3)
	if n := d.PruneMagnitude(x, 0); n != 3 {
		t.Errorf("ties: dropped %d of 3", n)
	}
	x = newMatrix(100, 500)
	d.FillNormal(x, 1, random.New(1))
	if n := d.PruneMagnitude(x, 0.9); n != 45000 {
		t.Errorf("dropped %d of 50000 at p = 0.9", n)
	}
}

func TestPruneRandom(t *testing.T) {
	var want Matrix
	for _, threads := range []int{1, 3} {
		d := NewDevice(Options{Threads: threads})
		x := newMatrix(200, 500)
		d.Fill(x, 1)
		n := d.PruneRandom(x, 0.999, random.New(5))
		zeros := 0
		for _, v := range x.Data {
			if v == 0 {
				zeros++
			}
		}
		if n != zeros || math.Abs(float64(n)-99900) > 50 {
			t.Errorf("dropped %d, zeros %d of 100000 at p = 0.999", n, zeros)
		}
		if want.Data == nil {
			want = x
		} else if !slices.Equal(want.Data, x.Data) {
			t.Error("the mask depends on the number of threads")
		}
		other := newMatrix(200, 500)
		d.Fill(other, 1)
		d.PruneRandom(other, 0.5, random.New(5))
		for i := range other.Data {
			if x.Data[i] != 0 && other.Data[i] == 0 {
				t.Fatal("a mask at larger p is not a part of one at smaller p")
			}
		}
		d.Close()
	}
}

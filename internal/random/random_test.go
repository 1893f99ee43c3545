package random

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// TestPhilox compares with the known answers of Random123 (kat_vectors,
// philox4x32 with 10 rounds).
func TestPhilox(t *testing.T) {
	for _, c := range []struct {
		index, hi, key uint64
		want           [4]uint32
	}{
		{0, 0, 0, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{math.MaxUint64, math.MaxUint64, math.MaxUint64, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{0x85a308d3_243f6a88, 0x03707344_13198a2e, 0x299f31d0_a4093822, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := (Key{key: c.key, hi: c.hi}).Block(c.index); got != c.want {
			t.Errorf("block %x: %x, want %x", c.index, got, c.want)
		}
	}
}

func TestBlocksByTheirCounters(t *testing.T) {
	for n := range 50 {
		k, i := New(uint64(n)).Stream("x"), uint64(n)<<28+uint64(n)
		rounds := k.Rounds()
		if got, want := Philox(k.Counter(i), &rounds), k.Block(i); got != want {
			t.Errorf("block %d: %x, want %x", i, got, want)
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	root := New(0)
	keys := []Key{
		root, New(1), root.Stream("init"), root.Stream("dropout"), root.Tensor("init"), root.Step(0), root.Step(1),
		root.Stream("init").Step(1), root.Step(1).Stream("init"), root.Stream("init").Tensor("a"), root.Stream("init").Tensor("b"),
	}
	seen := map[[4]uint32]int{}
	for i, k := range keys {
		b := k.Block(0)
		if j, ok := seen[b]; ok {
			t.Errorf("keys %d and %d draw the same block", i, j)
		}
		seen[b] = i
	}
	derived := func() Key { return New(7).Stream("x").Tensor("y").Step(3) }
	if a, b := derived(), derived(); a != b {
		t.Error("a key is not a function of its path")
	}
}

func TestUniform(t *testing.T) {
	k := New(3).Stream("uniform")
	const n, bins = 1 << 16, 64
	var sum float64
	var count [bins]float64
	for i := range uint64(n) {
		v := k.Float32(i)
		if v < 0 || v >= 1 {
			t.Fatalf("value %d is %v", i, v)
		}
		sum += float64(v)
		count[int(v*bins)]++
	}
	if mean := sum / n; math.Abs(mean-0.5) > 0.005 {
		t.Errorf("mean %v", mean)
	}
	var chi2 float64
	for _, c := range count {
		chi2 += (c - n/bins) * (c - n/bins) / (n / bins)
	}
	if p := (distuv.ChiSquared{K: bins - 1}).Survival(chi2); p < 1e-4 {
		t.Errorf("chi² %v, p = %v", chi2, p)
	}
}

// TestQuantile compares with gonum's inverse of the normal distribution.
func TestQuantile(t *testing.T) {
	for _, p := range []float64{1e-10, 1e-6, 0.001, 0.02, 0.0749, 0.0751, 0.3, 0.5, 0.7, 0.925, 0.9999, 1 - 1e-9} {
		want := distuv.UnitNormal.Quantile(p)
		if got := quantile(p); math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
			t.Errorf("quantile(%v) = %v, want %v", p, got, want)
		}
	}
	for x := 1e-12; x < 1e12; x *= 1.7 {
		if got, want := logarithm(x), math.Log(x); math.Abs(got-want) > 4e-15*(1+math.Abs(want)) {
			t.Errorf("log(%v) = %v, want %v", x, got, want)
		}
	}
}

func TestNormal(t *testing.T) {
	k := New(3).Stream("normal")
	const n = 1 << 16
	var m [5]float64
	for i := range uint64(n) {
		x := k.Normal(i)
		for j, p := 0, 1.0; j < 5; j, p = j+1, p*x {
			m[j] += p / n
		}
	}
	for j, want := range []float64{1, 0, 1, 0, 3} {
		if math.Abs(m[j]-want) > 0.06 {
			t.Errorf("moment %d is %v, want %v", j, m[j], want)
		}
	}
}

func TestBelow(t *testing.T) {
	k := New(1)
	var count [7]int
	for i := range uint64(7000) {
		count[k.Below(i, 7)]++
	}
	for v, c := range count {
		if c < 850 || c > 1150 {
			t.Errorf("%d drawn %d times of 1000 expected", v, c)
		}
	}
}

func TestPermutation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 17, 64, 1000, 4097} {
		k := New(uint64(n))
		order := make([]int, n)
		for i := range order {
			order[i] = k.Permutation(n, i)
		}
		sorted := slices.Sorted(slices.Values(order))
		for i, v := range sorted {
			if v != i {
				t.Fatalf("n = %d: not a permutation: %v", n, sorted)
			}
		}
		if n >= 64 {
			fixed := 0
			for i, v := range order {
				if i == v {
					fixed++
				}
			}
			if fixed > 10 || slices.Equal(order, sorted) {
				t.Errorf("n = %d: %d items keep their place", n, fixed)
			}
		}
	}
}

package tensor

import (
	"math"

	"ranklab/internal/random"
)

// PruneRandom keeps element i of x if value i of the key, uniform in [0, 1), is
// above p, and sets it to zero otherwise. It returns how many elements were not
// kept. x is dense.
func (d *Device) PruneRandom(x Matrix, p float64, key random.Key) int {
	return d.prune(x, func(i int, _ float32) bool { return float64(key.Float32(uint64(i))) > p })
}

// PruneMagnitude sets every element of x to zero whose magnitude is not
// strictly above the p-quantile of all magnitudes, and returns how many those
// are. x is dense.
func (d *Device) PruneMagnitude(x Matrix, p float64) int {
	threshold := AbsQuantile(x, p)
	return d.prune(x, func(_ int, v float32) bool { return math.Abs(float64(v)) > threshold })
}

func (d *Device) prune(x Matrix, keep func(i int, v float32) bool) int {
	xs := Values(x)
	d.count.Store(0)
	d.parallel(len(xs), span, func(_, lo, hi int) {
		n := int64(0)
		for i := lo; i < hi; i++ {
			if !keep(i, xs[i]) {
				xs[i] = 0
				n++
			}
		}
		d.count.Add(n)
	})
	return int(d.count.Load())
}

// AbsQuantile returns the p-quantile, 0 ≤ p ≤ 1, of the magnitudes in the dense
// matrix x, by linear interpolation between order statistics: with h = p·(n-1)
// and magnitudes x₍₀₎ ≤ x₍₁₎ ≤ …, x₍⌊h⌋₎ + (h-⌊h⌋)·(x₍⌊h⌋₊₁₎ - x₍⌊h⌋₎).
func AbsQuantile(x Matrix, p float64) float64 {
	xs := Values(x)
	if len(xs) == 0 || !(p >= 0 && p <= 1) {
		panic("tensor: AbsQuantile of nothing or outside [0, 1]")
	}
	h := float64(p * float64(len(xs)-1))
	k := int(h)
	low := float64(absOrder(xs, k))
	if frac := h - float64(k); frac > 0 {
		low += float64(frac * (float64(absOrder(xs, k+1)) - low))
	}
	return low
}

// absOrder returns the k-th smallest magnitude, k from 0. The bits of
// non-negative floats order as the floats do, so a radix selection over their
// 31 bits finds it in three passes without moving or copying anything.
func absOrder(xs []float32, k int) float32 {
	var prefix, mask uint32
	for _, digit := range [3]struct{ shift, bits uint }{{20, 11}, {10, 10}, {0, 10}} {
		var count [1 << 11]int
		low := uint32(1)<<digit.bits - 1
		for _, x := range xs {
			if b := math.Float32bits(x) &^ (1 << 31); b&mask == prefix {
				count[b>>digit.shift&low]++
			}
		}
		v := 0
		for k >= count[v] {
			k -= count[v]
			v++
		}
		prefix |= uint32(v) << digit.shift
		mask |= low << digit.shift
	}
	return math.Float32frombits(prefix)
}

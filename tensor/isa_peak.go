package tensor

import "time"

// MeasurePeak returns the device's multiply-add peak in floating-point
// operations per second, best of many short runs within the duration: every
// worker runs multiply-adds on registers only, in independent chains (24 vectors
// on AVX512, 12 on AVX2). A multiply-add counts as two. On the [Go] instruction
// set it counts the emulated ones. With more threads than cores it says nothing.
func (d *Device) MeasurePeak(duration time.Duration) float64 {
	const loops = 20000
	done := make([]float64, d.threads)
	d.parallel(d.threads, 1, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			best, start := 0.0, time.Now()
			for last := start; last.Sub(start) < duration; {
				flops := 2 * float64(fmaLoop(d.isa, loops))
				now := time.Now()
				best = max(best, flops/now.Sub(last).Seconds())
				last = now
			}
			done[i] = best
		}
	})
	var sum float64
	for _, x := range done {
		sum += x
	}
	return sum
}

// fmaLoopGo runs 20·n emulated multiply-adds and returns their number.
func fmaLoopGo(n int) int {
	var acc [20]float32
	for range n {
		for i := range acc {
			acc[i] = fma32(acc[i], 0.5, 1)
		}
	}
	var s float32
	for _, x := range acc {
		s += x
	}
	if s != s { // keeps the chains alive
		return 0
	}
	return n * len(acc)
}

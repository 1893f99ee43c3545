package tensor

import (
	"runtime"
	"sync/atomic"
	"time"
)

// peakWindows is the number of windows that MeasurePeak takes the best of.
const peakWindows = 5

// MeasurePeak returns the device's multiply-add peak in floating-point
// operations per second: the rate that all workers sustain at the same time, on
// registers only, in independent chains (24 vectors on AVX512, 12 on AVX2, as
// many as the registers hold). A multiply-add counts as two.
//
// The duration is cut into a short warm-up and five windows. In a window all
// workers start together and multiply until its end; the rates of the workers
// are those of the same window, and the best window counts. Windows of less
// than some 20 ms may catch a clock rate that the machine does not keep.
//
// On the [Go] instruction set it counts the emulated multiply-adds. With more
// threads than cores it says nothing.
func (d *Device) MeasurePeak(duration time.Duration) float64 {
	const loops = 5000
	return d.bestWindow(duration, func(int) int { return fmaLoop(d.isa, loops) })
}

// MeasureKernel is [Device.MeasurePeak] for the kernel of the matrix products:
// tiles whose operands lie in the caches of their core, packed, the values of A
// in the first level and those of B in the second. A product cannot be faster.
func (d *Device) MeasureKernel(duration time.Duration) float64 {
	return d.bestWindow(duration, d.kernelWork())
}

// kernelWork returns a function that multiplies one strip of A with half a
// block of B, on packed operands in the worker's scratch.
func (d *Device) kernelWork() func(worker int) int {
	const cols = gemmNC / 2
	sums := make([]float32, d.threads*gemmMR*cols)
	for _, s := range d.scratch {
		for _, operand := range [][]float32{s.a[:gemmMR*gemmKC], s.b[:cols*gemmKC]} {
			for i := range operand {
				operand[i] = float32(i%17) - 8
			}
		}
	}
	return func(worker int) int {
		s := &d.scratch[worker]
		gemmTile{
			k: gemmKC, a: &s.a[0], row: 1, step: gemmMR, b: &s.b[0], ldb: gemmNR,
			c: &sums[worker*gemmMR*cols], ldc: cols, rows: gemmMR, alpha: 1, spare: s.tile,
		}.across(d.isa, cols, gemmNR*gemmKC)
		return gemmMR * cols * gemmKC
	}
}

// bestWindow returns the rate of the best window, in operations per second.
// work does a piece of a worker's work and returns the multiply-adds in it.
func (d *Device) bestWindow(duration time.Duration, work func(worker int) int) float64 {
	window := duration / (peakWindows + 1)
	d.window(window, work) // vector units change their clock when they wake up
	best := 0.0
	for range peakWindows {
		best = max(best, d.window(window, work))
	}
	return best
}

// window returns the sum of the workers' rates over one window.
func (d *Device) window(length time.Duration, work func(worker int) int) float64 {
	rates := make([]float64, d.threads)
	var arrived atomic.Int64
	var start time.Time // written by the last to arrive
	var begun atomic.Bool
	d.parallel(d.threads, 1, func(worker, lo, _ int) {
		// One part per worker: whoever waits here claims no second one.
		if arrived.Add(1) == int64(d.threads) {
			start = time.Now()
			begun.Store(true)
		}
		for !begun.Load() {
			runtime.Gosched()
		}
		flops, elapsed := 0.0, time.Duration(0)
		for elapsed < length || flops == 0 {
			flops += 2 * float64(work(worker))
			elapsed = time.Since(start)
		}
		rates[lo] = flops / elapsed.Seconds()
	})
	var sum float64
	for _, r := range rates {
		sum += r
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

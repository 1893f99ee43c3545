package tensor

import (
	"slices"
	"time"
)

// A Clock is the rate of a core's clock while it works, 1 = its rate with
// integers only. Processors lower it for wide vectors, and further the more of
// their multiply-adds read operands from a cache: the peak of one clock is then
// out of reach at another.
type Clock struct {
	Registers float64 // multiply-adds on registers, as in [Device.MeasurePeak]
	Caches    float64 // multiply-adds with their loads, as in [Device.MeasureKernel]
}

// clockRounds times a round are enough for a median. In a round the work lasts
// far longer than a change of the clock, about 20 µs.
const (
	clockRounds = 300
	clockWork   = 1500 * time.Microsecond
)

// MeasureClock measures the clock of one core, in about two seconds. The clock
// stays as it was for one or two microseconds after the work; in this time a
// chain of dependent multiplications is timed.
func (d *Device) MeasureClock() Clock {
	one := NewDevice(Options{Threads: 1, ISA: d.isa})
	defer one.Close()
	kernel, x := one.kernelWork(), uint64(3)
	integers := clockAfter(func() { x = chain(x, 10_000) })
	return Clock{
		Registers: clockAfter(func() { fmaLoop(one.isa, 1000) }) / integers,
		Caches:    clockAfter(func() { kernel(0) }) / integers,
	}
}

// clockAfter returns multiplications per second of a chain right after work.
func clockAfter(work func()) float64 {
	const links = 400 // 1,200 cycles
	rates, x := make([]float64, clockRounds), uint64(3)
	for i := range rates {
		for start := time.Now(); time.Since(start) < clockWork; {
			work()
		}
		x = chain(x, links/4) // instructions and branches become known
		start := time.Now()
		x = chain(x, links)
		rates[i] = float64(links-1+x&1) / time.Since(start).Seconds() // x is odd: nothing can be left out
	}
	slices.Sort(rates)
	return rates[clockRounds/2]
}

// chain multiplies x by itself, each time waiting for the product before.
//
//go:noinline
func chain(x uint64, links int) uint64 {
	for range links / 8 {
		x *= x
		x *= x
		x *= x
		x *= x
		x *= x
		x *= x
		x *= x
		x *= x
	}
	return x
}

package tensor

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

func TestParallelCoversOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7} {
		d := newDevice(t, Auto, threads)
		for _, n := range []int{0, 1, 2, 5, 7, 64, 1000} {
			for _, grain := range []int{1, 3, 16, 2000} {
				seen := make([]atomic.Int32, n)
				busy := make([]atomic.Int32, threads)
				d.parallel(n, grain, func(worker, lo, hi int) {
					if busy[worker].Add(1) != 1 {
						t.Errorf("worker %d runs two ranges at a time", worker)
					}
					if lo%grain != 0 || lo >= hi || (hi%grain != 0 && hi != n) {
						t.Errorf("n = %d, grain = %d: range %d … %d", n, grain, lo, hi)
					}
					for i := lo; i < hi; i++ {
						seen[i].Add(1)
					}
					busy[worker].Add(-1)
				})
				for i := range seen {
					if c := seen[i].Load(); c != 1 {
						t.Fatalf("%d threads, n = %d, grain = %d: index %d ran %d times", threads, n, grain, i, c)
					}
				}
			}
		}
	}
}

// TestParallelManyCalls: calls in quick succession, and calls after the workers
// have parked, each see their own task only.
func TestParallelManyCalls(t *testing.T) {
	for _, threads := range []int{2, 7} {
		d := newDevice(t, Auto, threads)
		for call := range 3000 {
			if call%1000 == 999 {
				time.Sleep(20 * time.Millisecond)
			}
			out := make([]int, 40)
			d.parallel(len(out), 1, func(_, lo, hi int) {
				for i := lo; i < hi; i++ {
					out[i] = call
				}
			})
			if slices.ContainsFunc(out, func(x int) bool { return x != call }) {
				t.Fatalf("%d threads, call %d: %v", threads, call, out)
			}
		}
	}
}

func TestParallelDoesNotNest(t *testing.T) {
	d := newDevice(t, Auto, 2)
	var caught atomic.Bool
	d.parallel(2, 1, func(_, _, _ int) {
		defer func() {
			if recover() != nil {
				caught.Store(true)
			}
		}()
		d.parallel(2, 1, func(_, _, _ int) {})
	})
	if !caught.Load() {
		t.Error("a nested call did not panic")
	}
}

func TestCloseStopsWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	var devices []*Device
	for range 4 {
		d := NewDevice(Options{Threads: 3})
		d.parallel(3, 1, func(_, _, _ int) {})
		devices = append(devices, d)
	}
	time.Sleep(20 * time.Millisecond) // some have parked
	devices = append(devices, NewDevice(Options{Threads: 5}))
	for _, d := range devices {
		d.Close()
		d.Close()
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after Close", before, runtime.NumGoroutine())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestScratchBytes(t *testing.T) {
	d := newDevice(t, Auto, 3)
	var values int
	for i := range d.scratch {
		s := &d.scratch[i]
		values += cap(s.a) + cap(s.b) + cap(s.tile) + cacheLine
		for _, buffer := range [][]float32{s.a, s.b, s.tile} {
			if uintptr(unsafe.Pointer(&buffer[0]))%64 != 0 {
				t.Error("a packing buffer does not begin on a cache line")
			}
		}
	}
	if got, want := d.ScratchBytes(), int64(4*values); got != want {
		t.Errorf("ScratchBytes() = %d, allocated %d", got, want)
	}
}

func TestISA(t *testing.T) {
	if s := Supported(); s[len(s)-1] != Go {
		t.Errorf("Supported() = %v does not end with the pure-Go path", s)
	}
	for _, isa := range append(Supported(), Auto) {
		if got, err := ParseISA(isa.String()); err != nil || got != isa {
			t.Errorf("ParseISA(%q) = %v, %v", isa, got, err)
		}
	}
	if _, err := ParseISA("sse"); err == nil {
		t.Error("ParseISA accepts a set that does not exist")
	}
	for isa := AVX512; isa < Go; isa++ {
		if isa.supported() {
			continue
		}
		if _, err := ParseISA(isa.String()); err == nil {
			t.Errorf("ParseISA accepts %v, which this CPU lacks", isa)
		}
	}
	if d := newDevice(t, Auto, 1); d.ISA() != Supported()[0] {
		t.Errorf("Auto is %v", d.ISA())
	}
	defer func() {
		if recover() == nil {
			t.Error("NewDevice accepts an instruction set that does not exist")
		}
	}()
	NewDevice(Options{ISA: Go + 1})
}

func TestMeasurePeak(t *testing.T) {
	for _, isa := range Supported() {
		d := newDevice(t, isa, 2)
		for name, rate := range map[string]float64{"peak": d.MeasurePeak(time.Millisecond), "kernel": d.MeasureKernel(time.Millisecond)} {
			if rate < 1e6 || rate > 1e15 {
				t.Errorf("%v: %s of %g operations per second", isa, name, rate)
			}
		}
	}
}

// TestMeasureClock: no work stops the clock or doubles its rate.
func TestMeasureClock(t *testing.T) {
	if c := newDevice(t, Auto, 1).MeasureClock(); !(c.Registers > 0.1 && c.Registers < 2 && c.Caches > 0.1 && c.Caches < 2) {
		t.Errorf("%+v", c)
	}
}

package bench

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ranklab/internal/memory"
	"ranklab/tensor"
)

// peak measures the multiply-add peak, in FLOP/s, right before a figure. Its
// windows are half as long as the runs that are compared with it, within reason.
func (s *session) peak(before string, run time.Duration) float64 {
	window := min(max(run/2, 4*time.Millisecond), 50*time.Millisecond)
	p := s.widest.MeasurePeak(6 * window)
	s.limit(Peak, p, before)
	return p
}

func (s *session) limit(kind string, rate float64, before string) {
	s.report.Limits = append(s.report.Limits, Limit{kind, rate / 1e9, s.section, before, time.Since(s.began).Seconds()})
}

// arrays are what the bandwidth is measured with: three arrays that together
// are several times as large as the last-level cache.
type arrays struct{ a, b, c tensor.Matrix }

// A last-level cache of unknown size is taken to be this large.
const unknownCache = 32 << 20

// openArrays allocates and touches the arrays; closeArrays lets them go.
func (s *session) openArrays() {
	total := 4 * cacheBytes()
	if total == 0 {
		total = 4 * unknownCache
	}
	fits := total
	if free := freeBytes(); free > 0 {
		fits = min(fits, free/4)
	}
	if s.Small {
		fits = min(fits, 48<<20)
	}
	if fits < total {
		s.note("the bandwidth was measured with %d MiB, less than four times the last-level cache: it may be that of a cache", fits>>20)
	}
	n := int(fits / 12)
	matrix := func(v float32) tensor.Matrix {
		m := tensor.Of(memory.Floats(n), 1, n)
		s.widest.Fill(m, v)
		return m
	}
	s.arrays = &arrays{matrix(0), matrix(1), matrix(2)}
}

func (s *session) closeArrays() { s.arrays = nil }

// triad and copied return bytes per second: of the triad, two arrays read and
// one written; of the copy, one and one. That a written line may be read first is
// not counted.
func (s *session) triad() float64 {
	m := s.arrays
	t := timeOf(func() { s.widest.Triad(m.a, 0.5, m.b, m.c) })
	return 12 * float64(m.a.Cols) / t.Seconds()
}

func (s *session) copied() float64 {
	m := s.arrays
	t := timeOf(func() { s.widest.Copy(m.a, m.b) })
	return 8 * float64(m.a.Cols) / t.Seconds()
}

// bandwidth measures the memory, in bytes per second, right before a figure:
// the better of triad and copy, best of a few.
func (s *session) bandwidth(before string) float64 {
	best := 0.0
	for range 2 {
		best = max(best, s.triad(), s.copied())
	}
	s.limit(Bandwidth, best, before)
	return best
}

// machine shows the limits themselves.
func (s *session) machine(ctx context.Context) error {
	s.say("peak")
	var peaks []sample
	for range s.Runs {
		peaks = append(peaks, sample{seconds: 1 / s.peak("peak", 4*s.turn())})
	}
	s.add(Figure{Section: s.section, Name: "multiply-adds, " + s.widest.ISA().String(), By: ours, Work: 1, Unit: gflops}.of(peaks))
	s.kernel()
	s.say("memory")
	s.openArrays()
	defer s.closeArrays()
	n := float64(s.arrays.a.Cols)
	var triads, copies []sample
	for range s.Runs {
		if err := ctx.Err(); err != nil {
			return err
		}
		triads = append(triads, sample{seconds: 12 * n / s.triad()})
		copies = append(copies, sample{seconds: 8 * n / s.copied()})
	}
	shape := []int{1, s.arrays.a.Cols}
	s.add(Figure{Section: s.section, Name: "memory: triad a ← b + s·c", By: ours, Shape: shape, Work: 12 * n, Unit: gigabytes}.of(triads))
	s.add(Figure{Section: s.section, Name: "memory: copy a ← b", By: ours, Shape: shape, Work: 8 * n, Unit: gigabytes}.of(copies))
	s.bandwidth("bandwidth")
	return s.cached()
}

// kernel shows how much of the peak the products' kernel can reach, and the
// clock, which explains what is missing where it sinks.
func (s *session) kernel() {
	s.say("kernel")
	var rates []sample
	for range s.Runs {
		peak := s.peak("kernel", 4*s.turn())
		rates = append(rates, sample{seconds: 1 / s.device.MeasureKernel(12*s.turn()), limit: peak})
	}
	name := "kernel of products, " + s.device.ISA().String()
	s.add(Figure{Section: s.section, Name: name, By: ours, Work: 1, Unit: gflops, Limit: Peak}.of(rates))
	s.say("clock")
	c := s.device.MeasureClock()
	s.report.Clock = &Clock{Registers: c.Registers, Caches: c.Caches}
}

// cached shows the triad of arrays as large as the activations of a step: what
// an operation can reach whose operands stay in a cache.
func (s *session) cached() error {
	const n = 512 << 10 // 2 MiB each
	x, y, z := tensor.Of(memory.Floats(n), 1, n), tensor.Of(memory.Floats(n), 1, n), tensor.Of(memory.Floats(n), 1, n)
	f := func() { s.widest.Triad(x, 0.5, y, z) }
	var samples []sample
	for range s.Runs {
		samples = append(samples, sample{seconds: secondsOf(f, s.turn())})
	}
	s.add(Figure{Section: s.section, Name: "cache: triad a ← b + s·c", By: ours, Shape: []int{1, n}, Work: 12 * n, Unit: gigabytes}.of(samples))
	return nil
}

// cacheBytes is the size of the last-level cache that Linux tells; 0 = unknown.
func cacheBytes() int64 {
	var largest int64
	sizes, _ := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*/size")
	for _, path := range sizes {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		kib, isKiB := strings.CutSuffix(strings.TrimSpace(string(text)), "K")
		if n, err := strconv.ParseInt(kib, 10, 64); err == nil && isKiB {
			largest = max(largest, n<<10)
		}
	}
	return largest
}

// freeBytes is the memory that Linux says is available; 0 = unknown.
func freeBytes() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
			n, _ := strconv.ParseInt(f[1], 10, 64) // 0 is unknown
			return n << 10
		}
	}
	return 0
}

package bench

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"ranklab/harness/bench/blas"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/tensor"
)

// A product is one matrix product of a training step: C (m, n) over k.
type product struct {
	name    string // the linear modules that have it: "q_proj k_proj"
	way     string // NT forward, NN gradient of the input, TN of the weight
	ta, tb  tensor.Transpose
	m, n, k int
	beta    float32
}

// products lists the products of a model's linears at a number of rows, once
// per shape, and of its head, whose logits exist a few rows at a time.
func products(c models.Config, tokens int) []product {
	type linear struct {
		names   []string
		out, in int
		rows    int
		beta    float32 // of the gradient of the weight
	}
	var linears []*linear
	c.NumHiddenLayers = 1
	m := models.New(c)
	for _, l := range m.Linears() {
		name := l.Name[strings.LastIndex(l.Name, ".")+1:]
		i := slices.IndexFunc(linears, func(x *linear) bool { return x.out == l.Out && x.in == l.In })
		if i >= 0 {
			linears[i].names = append(linears[i].names, name)
			continue
		}
		linears = append(linears, &linear{[]string{name}, l.Out, l.In, tokens, 0})
	}
	// The head adds the gradients of its chunks.
	linears = append(linears, &linear{[]string{m.Head.Name}, m.Head.Out, m.Head.In, models.LogitRows(tokens), 1})
	var all []product
	for _, l := range linears {
		name := strings.Join(l.names, " ")
		all = append(all,
			product{name, "NT", tensor.N, tensor.T, l.rows, l.out, l.in, 0},
			product{name, "NN", tensor.N, tensor.N, l.rows, l.in, l.out, 0},
			product{name, "TN", tensor.T, tensor.N, l.out, l.in, l.rows, l.beta},
		)
	}
	return all
}

// operands returns the matrices of a product, A and B filled with numbers
// between -1 and 1.
func (p product) operands(d *tensor.Device) (a, b, c tensor.Matrix) {
	matrix := func(rows, cols int, swap tensor.Transpose) tensor.Matrix {
		if swap {
			rows, cols = cols, rows
		}
		return tensor.Of(memory.Floats(rows*cols), rows, cols)
	}
	a, b, c = matrix(p.m, p.k, p.ta), matrix(p.k, p.n, p.tb), matrix(p.m, p.n, false)
	d.FillUniform(a, 1, random.New(1))
	d.FillUniform(b, 1, random.New(2))
	return a, b, c
}

// A contestant computes the product that is being measured.
type contestant struct {
	name     string
	run      func(f func()) // the goroutine it wants
	multiply func()
	slow     bool // takes part in the first round, with one call
	samples  []sample
}

// slow is the time from which on a product is too long to be repeated.
const slow = 150 * time.Millisecond

// rest is how long everyone sleeps before a turn: the threads of the one before,
// which wait for work in a loop, must be off the processors. OpenBLAS's wait for
// 2^26 ticks of the time-stamp counter, 34 ms at 2 GHz.
const rest = 80 * time.Millisecond

// settle calls f for a while. A system may put threads that it wakes on one
// processor, and take tens of milliseconds to spread them: in that time a library
// whose threads wait for each other in a loop reaches a tenth of its speed.
func settle(f func(), while time.Duration) {
	for start := time.Now(); time.Since(start) < while; {
		f()
	}
}

// gemm measures the products of all presets.
func (s *session) gemm(ctx context.Context) error {
	s.openLibraries()
	for _, b := range s.bodies {
		for _, p := range products(b.config(), s.Tokens) {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.say("%s %s %s %d × %d × %d", b.name, p.name, p.way, p.m, p.n, p.k)
			s.compete(b, p)
		}
		s.report.Means = append(s.report.Means, means(b.name, s.report.Figures)...)
	}
	return nil
}

// openLibraries finds those to compare with.
func (s *session) openLibraries() {
	for _, name := range s.Compare {
		l, err := blas.Open(name, s.Threads)
		if err != nil {
			s.note("no comparison with %v", err)
			continue
		}
		s.compare = append(s.compare, l)
		s.report.Libraries = append(s.report.Libraries, *l)
	}
}

// compete lets all contestants compute a product, in turns.
func (s *session) compete(b *body, p product) {
	x, y, want := p.operands(s.device)
	multiply := func() { s.device.Gemm(p.ta, p.tb, 1, x, y, p.beta, want) }
	multiply()
	contestants := []*contestant{{name: ours, run: func(f func()) { f() }, multiply: multiply}}
	for _, l := range s.compare {
		got := tensor.Of(memory.Floats(p.m*p.n), p.m, p.n)
		c := &contestant{name: l.Name, run: l.Run}
		c.multiply = func() { l.Gemm(p.ta, p.tb, 1, x, y, p.beta, got) }
		var once time.Duration
		l.Run(func() { once = timeOf(c.multiply) })
		c.slow = once > slow
		if !agree(got, want, p.k) {
			s.note("%s computes a wrong %s of %d × %d × %d: not compared", l, p.way, p.m, p.n, p.k)
			continue
		}
		contestants = append(contestants, c)
	}
	before := b.name + " " + p.name + " " + p.way
	for round := range s.Runs {
		peak := s.peak(before, s.turn())
		for _, c := range contestants {
			if c.slow && round > 0 {
				continue
			}
			time.Sleep(rest)
			c.run(func() {
				x := sample{limit: peak}
				if c.slow {
					x.seconds = timeOf(c.multiply).Seconds()
				} else {
					settle(c.multiply, 4*s.turn())
					x.seconds = secondsOf(c.multiply, s.turn())
				}
				c.samples = append(c.samples, x)
			})
		}
	}
	base := each(contestants[0].samples, func(x sample) float64 { return x.seconds })
	for _, c := range contestants {
		f := Figure{
			Section: s.section, Preset: b.name, Name: p.name, Product: p.way, Shape: []int{p.m, p.n, p.k}, By: c.name,
			Work: productFLOPs(p.m, p.n, p.k), Unit: gflops, Limit: Peak,
		}.of(c.samples)
		if c.name != ours {
			relative := spread(ratios(base, each(c.samples, func(x sample) float64 { return x.seconds })))
			f.Relative = &relative
		}
		s.add(f)
	}
}

// agree reports whether two products over k of such numbers are the same but for
// rounding.
func agree(got, want tensor.Matrix, k int) bool {
	tolerance := 1e-6*float64(k) + 1e-5*math.Sqrt(float64(k))
	xs, ys := tensor.Values(got), tensor.Values(want)
	for i := range xs {
		if !(math.Abs(float64(xs[i])-float64(ys[i])) <= tolerance) {
			return false
		}
	}
	return true
}

package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A product is a call of Gemm with operands that hold more than the matrices.
type product struct {
	ta, tb      Transpose
	m, n, k     int
	alpha, beta float32
	a, b, c     Matrix
}

func (p product) String() string {
	return fmt.Sprintf("%d×%d×%d ta=%t tb=%t alpha=%g beta=%g strides %d %d %d",
		p.m, p.n, p.k, p.ta, p.tb, p.alpha, p.beta, p.a.Stride, p.b.Stride, p.c.Stride)
}

// on returns C after the product on d.
func (p product) on(d *Device) Matrix {
	c := p.c
	c.Data = slices.Clone(p.c.Data)
	d.Gemm(p.ta, p.tb, p.alpha, p.a, p.b, p.beta, c)
	return c
}

// drawProduct draws any product with sizes up to the given ones; sizes about
// the tile and block edges are frequent.
func drawProduct(t *rapid.T, m, n, k int) product {
	size := func(name string, most int, edges ...int) int {
		near := rapid.Custom(func(t *rapid.T) int {
			return rapid.SampledFrom(edges).Draw(t, "edge") + rapid.IntRange(-1, 1).Draw(t, "beside")
		})
		return min(most, max(0, rapid.OneOf(rapid.IntRange(0, most), rapid.IntRange(most/2, most), near).Draw(t, name)))
	}
	p := product{
		ta: Transpose(rapid.Bool().Draw(t, "ta")), tb: Transpose(rapid.Bool().Draw(t, "tb")),
		m:     size("m", m, 1, 4, 8, gemmMR, 2*gemmMR),
		n:     size("n", n, 1, 8, gemmNR/4, gemmNR/2, gemmNR, 2*gemmNR, gemmNC),
		k:     size("k", k, 1, 8, gemmKC, 2*gemmKC),
		alpha: rapid.SampledFrom([]float32{1, -1, 0.25, 1.7}).Draw(t, "alpha"),
		beta:  rapid.SampledFrom([]float32{0, 1, 0.9, -2}).Draw(t, "beta"),
	}
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	p.a = noise(t, r, "lda", p.m, p.k, bool(p.ta))
	p.b = noise(t, r, "ldb", p.k, p.n, bool(p.tb))
	p.c = noise(t, r, "ldc", p.m, p.n, false)
	return p
}

// noise returns a matrix of normal values, stored transposed or not, with a
// random stride; what lies between the rows is NaN.
func noise(t *rapid.T, r *rand.Rand, name string, rows, cols int, transposed bool) Matrix {
	if transposed {
		rows, cols = cols, rows
	}
	gap := rapid.SampledFrom([]int{0, 0, 1, 5, 16}).Draw(t, name)
	x := Matrix{Rows: rows, Cols: cols, Stride: cols + gap, Data: make([]float32, rows*(cols+gap))}
	for i := range x.Data {
		x.Data[i] = float32(math.NaN())
		if i%x.Stride < cols {
			x.Data[i] = float32(r.NormFloat64())
		}
	}
	if n := len(x.Data); n > 0 {
		x.Data = x.Data[:n-gap] // the last row ends with its last element
	}
	return x
}

// spoil puts a few special values into a product's operands: they must reach the
// elements that they belong to, and no other.
func (p *product) spoil(t *rapid.T) {
	special := rapid.Custom(drawValue)
	for _, x := range []Matrix{p.a, p.b, p.c} {
		if x.Rows == 0 || x.Cols == 0 {
			continue
		}
		for range rapid.IntRange(0, 3).Draw(t, "spoiled") {
			i, j := rapid.IntRange(0, x.Rows-1).Draw(t, "row"), rapid.IntRange(0, x.Cols-1).Draw(t, "column")
			x.Data[i*x.Stride+j] = special.Draw(t, "special")
		}
	}
}

// diff reports the first element of two matrices, and of what lies between
// their rows, that differs in its bits.
func diff(got, want Matrix) string {
	for i := range want.Data {
		if !sameBits(got.Data[i], want.Data[i]) {
			return fmt.Sprintf("at row %d, column %d: %x, want %x", i/want.Stride, i%want.Stride, got.Data[i], want.Data[i])
		}
	}
	return ""
}

func newDevice(t testing.TB, isa ISA, threads int) *Device {
	d := NewDevice(Options{Threads: threads, ISA: isa})
	t.Cleanup(d.Close)
	return d
}

// defined computes the product as the documentation of Gemm defines it, one
// element at a time.
func (p product) defined() Matrix {
	c := p.c
	c.Data = slices.Clone(p.c.Data)
	for i := range p.m {
		for j := range p.n {
			v := &c.Data[i*c.Stride+j]
			if p.k == 0 {
				if *v *= p.beta; p.beta == 0 {
					*v = 0
				}
			}
			for q0 := 0; q0 < p.k; q0 += gemmKC {
				var sum float32
				for q := q0; q < min(p.k, q0+gemmKC); q++ {
					sum = fma32(p.at(p.a, p.ta, i, q), p.at(p.b, p.tb, q, j), sum)
				}
				sum *= p.alpha
				switch {
				case q0 > 0:
					*v += sum
				case p.beta == 0:
					*v = sum
				default:
					*v = sum + float32(p.beta**v)
				}
			}
		}
	}
	return c
}

func (product) at(x Matrix, t Transpose, i, j int) float32 {
	if t {
		i, j = j, i
	}
	return x.Data[i*x.Stride+j]
}

func TestGemmIsAsDefined(t *testing.T) {
	for _, isa := range Supported() {
		t.Run(isa.String(), rapid.MakeCheck(gemmIsAsDefined(newDevice(t, isa, 1))))
	}
}

// FuzzGemm looks for a product that an instruction set computes in another way
// than the definition says.
func FuzzGemm(f *testing.F) {
	var devices []*Device
	for _, isa := range Supported() {
		devices = append(devices, newDevice(f, isa, 1))
	}
	f.Fuzz(rapid.MakeFuzz(gemmIsAsDefined(devices...)))
}

func gemmIsAsDefined(devices ...*Device) func(t *rapid.T) {
	return func(t *rapid.T) {
		p := drawProduct(t, 40, 150, 2*gemmKC+2)
		p.spoil(t)
		want := p.defined()
		for _, d := range devices {
			if e := diff(p.on(d), want); e != "" {
				t.Fatalf("%v on %v: %s", p, d.ISA(), e)
			}
		}
	}
}

func TestGemmIsNearFloat64(t *testing.T) {
	d := newDevice(t, Auto, 2)
	rapid.Check(t, func(t *rapid.T) {
		p := drawProduct(t, 60, 60, 500)
		got := p.on(d)
		for i := range p.m {
			for j := range p.n {
				var sum, size float64
				for q := range p.k {
					x := float64(p.at(p.a, p.ta, i, q)) * float64(p.at(p.b, p.tb, q, j))
					sum += x
					size += math.Abs(x)
				}
				sum, size = sum*float64(p.alpha), size*math.Abs(float64(p.alpha))
				if p.beta != 0 {
					old := float64(p.beta) * float64(p.c.Data[i*p.c.Stride+j])
					sum, size = sum+old, size+math.Abs(old)
				}
				// Each rounding of a chain of k is off by 2^-24 of the partial sum at most.
				bound := float64(p.k+4) * 0x1p-24 * size
				if e := math.Abs(float64(got.Data[i*got.Stride+j]) - sum); !(e <= bound) {
					t.Fatalf("%v: element %d, %d is off by %g, bound %g", p, i, j, e, bound)
				}
			}
		}
	})
}

// TestGemmSameBits compares instruction sets and thread counts on shapes of
// several jobs and several blocks.
func TestGemmSameBits(t *testing.T) {
	isas, m, n, k := Supported(), 300, 900, 450
	if isas = isas[:len(isas)-1]; len(isas) == 0 { // Go is slow: smaller shapes, or TestGemmIsAsDefined and TestGemmGoOnThreads
		isas, m, n, k = []ISA{Go}, 80, 120, 60
	}
	var devices []*Device
	for _, isa := range isas {
		for _, threads := range []int{1, 2, 3, 7} {
			devices = append(devices, newDevice(t, isa, threads))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := drawProduct(t, m, n, k)
		p.spoil(t)
		want := p.on(devices[0])
		for _, d := range devices[1:] {
			if e := diff(p.on(d), want); e != "" {
				t.Fatalf("%v on %v, %d threads: %s", p, d.ISA(), d.Threads(), e)
			}
		}
	})
}

// TestGemmGoOnThreads is TestGemmSameBits for the pure-Go path, once.
func TestGemmGoOnThreads(t *testing.T) {
	fast, slow := newDevice(t, Auto, 1), newDevice(t, Go, 3)
	r := rand.New(rand.NewPCG(3, 4))
	a, b, c := operands(N, T, 130, 420, 400)
	for _, x := range []Matrix{a, b, c} {
		for i := range x.Data {
			x.Data[i] = float32(r.NormFloat64())
		}
	}
	p := product{ta: N, tb: T, m: 130, n: 420, k: 400, alpha: 0.5, beta: 1, a: a, b: b, c: c}
	if e := diff(p.on(slow), p.on(fast)); e != "" {
		t.Fatal(e)
	}
}

// TestGemmShapeIndependent: an element has the same bits in a product of one
// row and one column as in the whole.
func TestGemmShapeIndependent(t *testing.T) {
	for _, isa := range Supported() {
		d := newDevice(t, isa, 2)
		rapid.Check(t, func(t *rapid.T) {
			p := drawProduct(t, 30, 150, gemmKC+20)
			if p.m == 0 || p.n == 0 {
				return
			}
			whole := p.on(d)
			i, j := rapid.IntRange(0, p.m-1).Draw(t, "i"), rapid.IntRange(0, p.n-1).Draw(t, "j")
			one := p
			one.m, one.n = 1, 1
			if p.k > 0 {
				one.a, one.b = lines(p.a, bool(p.ta), i), lines(p.b, !bool(p.tb), j)
			} else {
				one.a, one.b = Matrix{Rows: 1}, Matrix{Cols: 1}
				one.ta, one.tb = N, N
			}
			one.c = Cols(Rows(p.c, i, i+1), j, j+1)
			if got, want := one.on(d).Data[0], whole.Data[i*whole.Stride+j]; !sameBits(got, want) {
				t.Fatalf("%v on %v: element %d, %d alone is %x, in the whole %x", p, isa, i, j, got, want)
			}
		})
	}
}

// lines returns row i of a matrix, or column i.
func lines(x Matrix, columns bool, i int) Matrix {
	if columns {
		return Cols(x, i, i+1)
	}
	return Rows(x, i, i+1)
}

// TestGemmNotANumber: a NaN or an infinity reaches its row or column and no
// other element, whatever the padding.
func TestGemmNotANumber(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, isa := range Supported() {
		d := newDevice(t, isa, 1)
		for _, s := range []struct{ m, n, k int }{{1, 1, 1}, {5, 3, 2}, {12, 32, 9}, {13, 33, 400}, {30, 17, 385}} {
			for _, bad := range []float32{nan, inf} {
				a, b, c := operands(N, N, s.m, s.n, s.k)
				for i := range b.Data {
					b.Data[i] = 0
				}
				a.Data[(s.m-1)*a.Stride+s.k-1] = bad // times zero: NaN
				for i := range c.Data {
					c.Data[i] = nan // beta = 0 must not read it
				}
				d.Gemm(N, N, 1, a, b, 0, c)
				for i := range s.m {
					for j := range s.n {
						if v := c.Data[i*c.Stride+j]; (v != v) != (i == s.m-1) {
							t.Fatalf("%v %v, %v in the last row of A: element %d, %d is %v", isa, s, bad, i, j, v)
						}
					}
				}
				a.Data[(s.m-1)*a.Stride+s.k-1] = 1
				b.Data[s.n-1] = bad
				d.Gemm(N, N, 0, a, b, 0, c)
				for i := range s.m {
					for j := range s.n {
						if v := c.Data[i*c.Stride+j]; (v != v) != (j == s.n-1) {
							t.Fatalf("%v %v, %v in the last column of B: element %d, %d is %v", isa, s, bad, i, j, v)
						}
					}
				}
			}
		}
	}
}

func TestGemmEmpty(t *testing.T) {
	d := newDevice(t, Auto, 2)
	c := Of([]float32{1, 2, 3, float32(math.NaN())}, 2, 2)
	none := Matrix{Rows: 2}
	d.Gemm(N, T, 1, none, none, 0.5, c)
	if want := []float32{0.5, 1, 1.5}; !slices.Equal(c.Data[:3], want) {
		t.Errorf("k = 0, beta = 0.5: %v, want %v", c.Data, want)
	}
	d.Gemm(N, T, 1, none, none, 0, c)
	if want := []float32{0, 0, 0, 0}; !slices.Equal(c.Data, want) {
		t.Errorf("k = 0, beta = 0: %v, want %v", c.Data, want)
	}
	d.Gemm(N, N, 1, Matrix{Cols: 2}, c, 1, Matrix{Cols: 2}) // m = 0
	d.Gemm(N, N, 1, c, Matrix{Rows: 2}, 1, Matrix{Rows: 2}) // n = 0
}

func TestGemmRefuses(t *testing.T) {
	d := newDevice(t, Auto, 1)
	m := func(rows, cols int) Matrix { return Of(make([]float32, rows*cols), rows, cols) }
	short := m(4, 4)
	short.Data = short.Data[:15]
	narrow := m(4, 4)
	narrow.Stride = 3
	for name, f := range map[string]func(){
		"inner":  func() { d.Gemm(N, N, 1, m(4, 3), m(4, 4), 0, m(4, 4)) },
		"rows":   func() { d.Gemm(T, N, 1, m(4, 3), m(4, 4), 0, m(4, 4)) },
		"cols":   func() { d.Gemm(N, T, 1, m(4, 4), m(3, 4), 0, m(4, 4)) },
		"short":  func() { d.Gemm(N, N, 1, m(4, 4), short, 0, m(4, 4)) },
		"stride": func() { d.Gemm(N, N, 1, m(4, 4), m(4, 4), 0, narrow) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2} {
		d := newDevice(t, Auto, threads)
		a, b, c := operands(N, T, 500, 100, 100)
		if n := testing.AllocsPerRun(100, func() { d.Gemm(N, T, 1, a, b, 1, c) }); n != 0 {
			t.Errorf("%d threads: %v allocations", threads, n)
		}
	}
}

// TestGemmSplitCovers: the jobs of a split cover C once, whatever the shape.
func TestGemmSplitCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := rapid.IntRange(1, 5000).Draw(t, "m"), rapid.IntRange(1, 5000).Draw(t, "n")
		d := &Device{threads: rapid.IntRange(1, 64).Draw(t, "threads")}
		s := d.split(&gemmArgs{m: m, n: n, k: rapid.IntRange(1, 5000).Draw(t, "k")})
		if (s.gm-1)*s.mb >= m || s.gm*s.mb < m || (s.gn-1)*s.nb >= n || s.gn*s.nb < n {
			t.Fatalf("%d × %d is split into %+v", m, n, s)
		}
	})
}

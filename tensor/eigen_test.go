package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/lapack64"

	"ranklab/internal/memory"
)

// spectra are symmetric matrices of order n by what is special about them.
func spectra(n int) map[string][]float64 {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	m := map[string][]float64{"zero": make([]float64, n*n)}
	fill := func(name string, f func(i, j int) float64) {
		a := make([]float64, n*n)
		for i := range n {
			for j := range i + 1 {
				a[i*n+j] = f(i, j)
				a[j*n+i] = a[i*n+j]
			}
		}
		m[name] = a
	}
	fill("random", func(int, int) float64 { return r.NormFloat64() })
	fill("ones", func(int, int) float64 { return 1 })
	fill("identity", func(i, j int) float64 { return float64(1 - min(1, i-j)) })
	fill("diagonal", func(i, j int) float64 { return float64(1-min(1, i-j)) * float64(i%3) })
	fill("graded", func(i, j int) float64 { return r.NormFloat64() * math.Pow(10, -float64(i+j)/4) })
	fill("graded upwards", func(i, j int) float64 { return r.NormFloat64() * math.Pow(10, float64(i+j-2*n)/4) })
	fill("tiny", func(int, int) float64 { return 1e-300 * r.NormFloat64() })
	fill("huge", func(int, int) float64 { return 1e300 * r.Float64() })
	fill("tridiagonal", func(i, j int) float64 { return float64(max(0, 2-(i-j))) })
	fill("wilkinson", func(i, j int) float64 {
		if i-j == 1 {
			return 1
		}
		return math.Abs(float64(n/2-i)) * float64(1-min(1, i-j))
	})
	// Gram matrices of rank 3, and of eigenvalues that come in clusters.
	x := make([]float64, n*n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	product := func(weight func(k int) float64) func(i, j int) float64 {
		return func(i, j int) float64 {
			var s float64
			for k := range n {
				s += weight(k) * x[i*n+k] * x[j*n+k]
			}
			return s
		}
	}
	fill("rank 3", product(func(k int) float64 { return float64(max(0, 3-k)) }))
	reflection := func(i, j int) float64 { // I - 2uuᵀ/(uᵀu): eigenvalues 1 and -1
		var s float64
		for k := range n {
			s += x[k] * x[k]
		}
		return float64(1-min(1, i-j)) - 2*x[i]*x[j]/s
	}
	fill("repeated", reflection)
	fill("clustered", func(i, j int) float64 { return reflection(i, j) + 1e-13*r.NormFloat64() })
	return m
}

// solved decomposes a matrix and returns a copy of eigenvalues and -vectors.
func solved(t *testing.T, d *Device, a []float64, n int) (values, vectors []float64) {
	t.Helper()
	e := newEigenSolver(memory.New(), "e", n+3)
	e.open(n)
	for i := range n {
		copy(e.row(i), a[i*n:(i+1)*n])
	}
	if !d.solve(e) {
		t.Fatal("no decomposition")
	}
	for i := range n {
		vectors = append(vectors, e.row(i)...)
	}
	return slices.Clone(e.values[:n]), vectors
}

func largestMagnitude(a []float64) float64 {
	largest := 0.0
	for _, v := range a {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 {
		return 1
	}
	return largest
}

func dotOf(x, y []float64) (s float64) {
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

// Falling eigenvalues that are LAPACK's, orthonormal vectors, a small residual,
// whatever the spectrum.
func TestEigen(t *testing.T) {
	for _, isa := range Supported() {
		d := NewDevice(Options{Threads: 2, ISA: isa})
		for _, n := range []int{1, 2, 3, 4, 15, 16, 17, 33, 64, 130} {
			for name, a := range spectra(n) {
				t.Run(fmt.Sprintf("%v %s %d", isa, name, n), func(t *testing.T) {
					values, vectors := solved(t, d, a, n)
					theirs, scratch := make([]float64, n), make([]float64, 40*n)
					// gonum's driver fails on extreme scales: it gets a scaled copy.
					copied, unit := slices.Clone(a), largestMagnitude(a)
					for i := range copied {
						copied[i] /= unit
					}
					lapack64.Syev(lapack.EVNone, blas64.Symmetric{N: n, Stride: n, Data: copied, Uplo: blas.Lower}, theirs, scratch, len(scratch))
					slices.Reverse(theirs)
					for i := range theirs {
						theirs[i] *= unit
					}
					norm := max(math.Abs(theirs[0]), math.Abs(theirs[n-1]))
					tolerance := 4e-16 * math.Sqrt(float64(n)) * 4
					vector := func(k int) []float64 { return vectors[k*n:][:n] }
					for k := range n {
						if math.Abs(values[k]-theirs[k]) > tolerance*norm || k > 0 && values[k] > values[k-1] {
							t.Errorf("eigenvalue %d is %v, LAPACK's %v", k, values[k], theirs[k])
						}
						for j := range k + 1 {
							want := 0.0
							if j == k {
								want = 1
							}
							if got := dotOf(vector(k), vector(j)); math.Abs(got-want) > tolerance {
								t.Errorf("vectors %d and %d: product %v", k, j, got)
							}
						}
						for i := range n {
							if r := dotOf(a[i*n:(i+1)*n], vector(k)) - values[k]*vector(k)[i]; !(math.Abs(r) <= tolerance*norm) {
								t.Errorf("residual %v of vector %d at %d, norm %v", r, k, i, norm)
							}
						}
					}
				})
			}
		}
		d.Close()
	}
}

func TestEigenNotFinite(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		e := newEigenSolver(memory.New(), "e", 5)
		e.open(5)
		e.row(3)[2], e.row(2)[3] = bad, bad
		if d.solve(e) {
			t.Errorf("%v: decomposed", bad)
		}
	}
}

// The same bits on any number of threads and on any instruction set.
func TestEigenBits(t *testing.T) {
	for _, n := range []int{5, 48, 150} {
		a := spectra(n)["random"]
		var want []float64
		for _, isa := range Supported() {
			for _, threads := range []int{1, 2, 3, 7} {
				d := NewDevice(Options{Threads: threads, ISA: isa})
				values, vectors := solved(t, d, a, n)
				d.Close()
				got := append(values, vectors...)
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Fatalf("order %d: %d threads on %v give other bits", n, threads, isa)
				}
			}
		}
	}
}

// A solver of a size decomposes smaller matrices as one of their size does.
func TestEigenReuse(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	e := newEigenSolver(memory.New(), "e", 70)
	for _, n := range []int{70, 3, 33, 34, 70} {
		a := spectra(n)["random"]
		e.open(n)
		for i := range n {
			copy(e.row(i), a[i*n:(i+1)*n])
		}
		if !d.solve(e) {
			t.Fatal("no decomposition")
		}
		values, vectors := solved(t, d, a, n)
		if !slices.Equal(values, e.values[:n]) || !slices.Equal(vectors[:n], e.row(0)) {
			t.Errorf("order %d: other bits", n)
		}
	}
}

func TestEigenLedger(t *testing.T) {
	l, p := memory.New(), memory.Predict()
	newEigenSolver(l, "e", 40)
	newEigenSolver(p, "e", 40)
	if !slices.Equal(l.Entries(), p.Entries()) {
		t.Errorf("registered %v, predicted %v", l.Entries(), p.Entries())
	}
}

// Kernels in float64 give the bits of their Go forms and touch nothing else.
func TestKernels64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64() * math.Pow(2, float64(r.IntN(40)-20))
		}
		return x
	}
	for _, isa := range Supported() {
		for n := 0; n <= 160; n += 16 {
			row, x, y, z := random(n+1), random(n), random(n), random(n)
			want := slices.Clone(row)
			s := rank2(want[:n], x, 0.3, y, -1.7, z)
			if got := isa.rank2(row[:n], x, 0.3, y, -1.7, z); got != s || !slices.Equal(row, want) {
				t.Errorf("%v: rank2 of %d", isa, n)
			}
		}
		for rows := 2; rows < 9; rows++ {
			for _, stride := range []int{32, 37, 64} {
				z := random((rows-1)*stride + 40)
				want := slices.Clone(z)
				cs := random(2 * (rows - 1))
				turnRows(want, rows-1, stride, cs)
				isa.turnRows(z, rows-1, stride, cs)
				if !slices.Equal(z, want) {
					t.Errorf("%v: turnRows of %d rows", isa, rows)
				}
			}
		}
	}
}

// BenchmarkEigen times Gram matrices of Gaussian matrices, beside LAPACK in Go.
func BenchmarkEigen(b *testing.B) {
	for _, n := range []int{32, 256, 264, 768} {
		a := make([]float64, n*n)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range n {
			for j := range i + 1 {
				a[i*n+j] = r.NormFloat64()
				a[j*n+i] = a[i*n+j]
			}
		}
		for _, isa := range Supported() {
			b.Run(fmt.Sprintf("%d/%v", n, isa), func(b *testing.B) {
				d := NewDevice(Options{ISA: isa})
				defer d.Close()
				e := newEigenSolver(memory.New(), "e", n)
				for b.Loop() {
					e.open(n)
					for i := range n {
						copy(e.row(i), a[i*n:(i+1)*n])
					}
					d.solve(e)
				}
			})
		}
		b.Run(fmt.Sprintf("%d/gonum", n), func(b *testing.B) {
			values, work := make([]float64, n), make([]float64, 40*n)
			for b.Loop() {
				lapack64.Syev(lapack.EVCompute, blas64.Symmetric{N: n, Stride: n, Data: slices.Clone(a), Uplo: blas.Lower}, values, work, len(work))
			}
		})
	}
}

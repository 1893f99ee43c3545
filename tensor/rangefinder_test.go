package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// spectrum returns a matrix of two Gaussian factors, the terms of whose product
// fall off as told.
func spectrum(d *Device, rows, cols int, weight func(k int) float64, key random.Key) Matrix {
	n := min(rows, cols)
	g, b, a := newMatrix(rows, cols), newMatrix(rows, n), newMatrix(n, cols)
	d.FillNormal(b, 1, key.Step(1))
	d.FillNormal(a, 1, key.Step(2))
	for k := range n {
		d.Scale(float32(weight(k)), Rows(a, k, k+1))
	}
	d.Gemm(N, N, 1, b, a, 0, g)
	return g
}

// basisOf returns an empty basis of a panel, and the functions that fill it.
func (p Panel) basisOf(d *Device) (basis Matrix, find func(*RangeFinder, Matrix, Matrix, random.Key) (float64, bool), exact func(*SVD, Matrix, Matrix) (float64, bool)) {
	if p.Left {
		return newMatrix(p.Out, p.Rank), d.FindLeft, d.LeftBasis
	}
	return newMatrix(p.Rank, p.In), d.FindRight, d.RightBasis
}

// columns returns a basis as float64 columns.
func (p Panel) columns(basis Matrix) *mat.Dense {
	if p.Left {
		return widened(basis)
	}
	return mat.DenseCopyOf(widened(basis).T())
}

// energies returns what each basis vector captures of ‖G‖².
func (p Panel) energies(g, basis Matrix) []float64 {
	var image mat.Dense
	if w := widened(g); p.Left {
		image.Mul(p.columns(basis).T(), w)
	} else {
		image.Mul(p.columns(basis).T(), w.T())
	}
	total := math.Pow(mat.Norm(widened(g), 2), 2)
	e := make([]float64, p.Rank)
	for k := range e {
		row := image.RowView(k)
		e[k] = mat.Dot(row, row) / total
	}
	return e
}

func sumOf(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// check requires an orthonormal basis, with the sign convention, in singular
// order, that captures the share it says.
func (p Panel) check(t *testing.T, g, basis Matrix, said float64) {
	t.Helper()
	columns := p.columns(basis)
	var gram mat.Dense
	gram.Mul(columns.T(), columns)
	for i := range p.Rank {
		gram.Set(i, i, gram.At(i, i)-1)
	}
	if e := mat.Norm(&gram, 2); !(e <= 1e-5) {
		t.Errorf("‖PᵀP - I‖ = %.2g", e)
	}
	for k := range p.Rank {
		if column := columns.ColView(k); mat.Max(column) < -mat.Min(column) {
			t.Errorf("vector %d: the largest component is negative", k)
		}
	}
	energies := p.energies(g, basis)
	for k := 1; k < p.Rank; k++ {
		if energies[k] > energies[k-1]*1.0001+1e-6 {
			t.Errorf("vector %d captures %v, the one before %v", k, energies[k], energies[k-1])
		}
	}
	if e := sumOf(energies); math.Abs(e-said) > 2e-4 {
		t.Errorf("says that it captures %v, and captures %v", said, e)
	}
}

// At least 99.5 % of what the exact basis captures, cold, and warm from the
// basis of another gradient, on flat and decaying spectra, on both sides.
func TestRangeFinder(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	for name, weight := range map[string]func(k int) float64{
		"flat":      nil,
		"slow":      func(k int) float64 { return 1 / math.Sqrt(float64(k+1)) },
		"decaying":  func(k int) float64 { return 1 / float64(k+1) },
		"geometric": func(k int) float64 { return math.Pow(0.8, float64(k)) },
		// As in the first gradients of query and key weights: the powers of what
		// follows the leading few are below the rounding of float32.
		"cliff": func(k int) float64 {
			if k < 12 {
				return 1
			}
			return 1e-4 * (1 + 5/float64(k))
		},
	} {
		for _, shape := range [][3]int{{96, 96, 32}, {64, 160, 16}, {160, 64, 16}, {128, 352, 8}, {40, 48, 36}, {24, 90, 24}, {280, 280, 140}} {
			for _, left := range []bool{true, false} {
				panel := Panel{shape[0], shape[1], shape[2], left}
				t.Run(fmt.Sprint(name, panel), func(t *testing.T) {
					g, h := newMatrix(panel.Out, panel.In), newMatrix(panel.Out, panel.In)
					if weight == nil {
						d.FillNormal(g, 1, random.New(1))
						d.FillNormal(h, 1, random.New(2))
					} else {
						g, h = spectrum(d, panel.Out, panel.In, weight, random.New(1)), spectrum(d, panel.Out, panel.In, weight, random.New(2))
					}
					w := NewRangeFinder(memory.New(), "w", panel)
					s := NewSVD(memory.New(), "s", min(panel.Out, panel.In), max(panel.Out, panel.In), panel.Rank)
					p, find, exact := panel.basisOf(d)
					best, _, _ := panel.basisOf(d)
					for i, g := range []Matrix{h, g, g} { // cold, warm from another gradient, warm from the same
						said, ok := find(w, g, p, random.New(3).Step(i))
						share, okExact := exact(s, g, best)
						if !ok || !okExact {
							t.Fatal("no basis")
						}
						panel.check(t, g, p, said)
						if e := sumOf(panel.energies(g, p)); e < 0.995*share {
							t.Errorf("gradient %d: captures %v, the exact basis %v", i, e, share)
						}
					}
				})
			}
		}
	}
}

// With a gap after rank r the subspace is that of the exact decomposition: all
// principal angles are small.
func TestRangeFinderAngles(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	const r = 12
	gap := func(k int) float64 {
		if k < r {
			return 1
		}
		return 0.02
	}
	for _, shape := range [][2]int{{60, 60}, {50, 130}, {130, 50}} {
		for _, left := range []bool{true, false} {
			panel := Panel{shape[0], shape[1], r, left}
			g := spectrum(d, shape[0], shape[1], gap, random.New(4))
			p, find, exact := panel.basisOf(d)
			best, _, _ := panel.basisOf(d)
			find(NewRangeFinder(memory.New(), "w", panel), g, p, random.New(3))
			exact(NewSVD(memory.New(), "s", min(shape[0], shape[1]), max(shape[0], shape[1]), r), g, best)
			var overlap mat.Dense
			overlap.Mul(panel.columns(p).T(), panel.columns(best))
			var svd mat.SVD
			svd.Factorize(&overlap, mat.SVDNone)
			if cosine := svd.Values(nil)[r-1]; cosine < 1-1e-6 {
				t.Errorf("%v: the largest principal angle has cosine %v", panel, cosine)
			}
		}
	}
}

// Gradients without the wanted rank have a basis all the same, tiny shapes and
// extreme scales too; what is zero or not finite has none and touches nothing.
func TestRangeFinderDegenerate(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	for _, shape := range [][3]int{{1, 1, 1}, {1, 7, 1}, {7, 1, 1}, {2, 2, 2}, {3, 5, 2}, {40, 60, 12}, {60, 40, 12}, {40, 40, 40}} {
		for _, left := range []bool{true, false} {
			panel := Panel{shape[0], shape[1], shape[2], left}
			w := NewRangeFinder(memory.New(), "w", panel)
			p, find, _ := panel.basisOf(d)
			fill := map[string]func(g Matrix){
				"one element": func(g Matrix) { g.Data[len(g.Data)-1] = -3 },
				"rank 1":      func(g Matrix) { d.Fill(g, 2) },
				"rank 2": func(g Matrix) {
					a, b := newMatrix(g.Rows, 2), newMatrix(2, g.Cols)
					d.FillNormal(a, 1, random.New(1))
					d.FillNormal(b, 1, random.New(2))
					d.Gemm(N, N, 1, a, b, 0, g)
				},
				"identity": func(g Matrix) {
					for i := range min(g.Rows, g.Cols) {
						g.Data[i*g.Stride+i] = 1
					}
				},
				"tiny":     func(g Matrix) { d.FillNormal(g, 1e-37, random.New(3)) },
				"huge":     func(g Matrix) { d.FillNormal(g, 1e36, random.New(3)) },
				"one spot": func(g Matrix) { d.FillNormal(Rows(g, 0, 1), 1, random.New(3)) },
			}
			for name, f := range fill {
				for _, warm := range []bool{false, true} {
					g := newMatrix(panel.Out, panel.In)
					f(g)
					if !warm {
						clear(p.Data)
					}
					said, ok := find(w, g, p, random.New(5))
					if !ok {
						t.Errorf("%v %s: no basis", panel, name)
						continue
					}
					t.Run(fmt.Sprint(panel, name, warm), func(t *testing.T) { panel.check(t, g, p, said) })
				}
			}
			nan := float32(math.NaN())
			for _, bad := range []float32{0, nan, float32(math.Inf(1)), float32(math.Inf(-1))} {
				g := newMatrix(panel.Out, panel.In)
				g.Data[len(g.Data)/2] = bad
				before := slices.Clone(p.Data)
				if _, ok := find(w, g, p, random.New(5)); ok || !slices.Equal(before, p.Data) {
					t.Errorf("%v with an element %v: %v, or the basis was touched", panel, bad, ok)
				}
			}
			// An old basis that is not finite is none.
			g := newMatrix(panel.Out, panel.In)
			d.FillNormal(g, 1, random.New(1))
			p.Data[0] = nan
			if said, ok := find(w, g, p, random.New(5)); !ok {
				t.Errorf("%v: no basis from an old one that is NaN", panel)
			} else {
				panel.check(t, g, p, said)
			}
		}
	}
}

// The same bits on any number of threads, on any instruction set, and from a
// workspace that has served other gradients: all that counts is G, P and key.
func TestRangeFinderBits(t *testing.T) {
	for _, panel := range []Panel{{70, 70, 20, false}, {50, 170, 10, true}, {50, 170, 10, false}, {90, 40, 3, true}, {90, 40, 38, false}} {
		var want []float32
		for _, isa := range Supported() {
			for _, threads := range []int{1, 2, 3, 7} {
				d := NewDevice(Options{Threads: threads, ISA: isa})
				g := newMatrix(panel.Out, panel.In)
				w := NewRangeFinder(memory.New(), "w", panel, Panel{200, 100, 30, true})
				p, find, _ := panel.basisOf(d)
				var got []float32
				for i := range 3 {
					if i == 2 {
						w = NewRangeFinder(memory.New(), "w", panel) // a resumed run
					}
					d.FillNormal(g, 1, random.New(1).Step(i))
					share, ok := find(w, g, p, random.New(2).Step(i))
					if !ok {
						t.Fatal("no basis")
					}
					got = append(append(got, float32(share)), p.Data...)
				}
				d.Close()
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%v: %d threads on %v give other bits", panel, threads, isa)
				}
			}
		}
	}
}

func TestRangeFinderLedger(t *testing.T) {
	panels := []Panel{{70, 70, 20, false}, {50, 170, 10, false}, {90, 40, 3, true}}
	l, p := memory.New(), memory.Predict()
	NewRangeFinder(l, "w", panels...)
	NewRangeFinder(p, "w", panels...)
	if !slices.Equal(l.Entries(), p.Entries()) || l.Total() == 0 {
		t.Errorf("registered %v, predicted %v", l.Entries(), p.Entries())
	}
}

func TestRefreshAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2} {
		d := NewDevice(Options{Threads: threads})
		for _, panel := range []Panel{{70, 170, 20, true}, {70, 170, 20, false}} {
			g := newMatrix(panel.Out, panel.In)
			d.FillNormal(g, 1, random.New(1))
			w, s := NewRangeFinder(memory.New(), "w", panel), NewSVD(memory.New(), "s", 70, 170, 20)
			p, find, exact := panel.basisOf(d)
			if n := testing.AllocsPerRun(5, func() { find(w, g, p, random.New(2)) }); n != 0 {
				t.Errorf("%v: %v allocations per range finder", panel, n)
			}
			if n := testing.AllocsPerRun(5, func() { exact(s, g, p) }); n != 0 {
				t.Errorf("%v: %v allocations per exact basis", panel, n)
			}
		}
		d.Close()
	}
}

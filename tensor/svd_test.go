package tensor

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// decaying returns a matrix with singular values that fall off geometrically,
// of the given rank.
func decaying(d *Device, rows, cols, rank int, key random.Key) Matrix {
	g := newMatrix(rows, cols)
	b, a := newMatrix(rows, rank), newMatrix(rank, cols)
	d.FillNormal(b, 1, key.Step(1))
	d.FillNormal(a, 1, key.Step(2))
	for k := range rank {
		d.Scale(float32(math.Pow(0.7, float64(k))), Rows(a, k, k+1))
	}
	d.Gemm(N, N, 1, b, a, 0, g)
	return g
}

func newMatrix(rows, cols int) Matrix { return Of(make([]float32, rows*cols), rows, cols) }

func widened(m Matrix) *mat.Dense {
	w := mat.NewDense(m.Rows, m.Cols, nil)
	for i := range m.Rows {
		for j := range m.Cols {
			w.Set(i, j, float64(m.Data[i*m.Stride+j]))
		}
	}
	return w
}

func maxAbs(m mat.Matrix) float64 { return mat.Norm(m, math.Inf(1)) }

func identityError(m *mat.Dense) float64 {
	var gram mat.Dense
	gram.Mul(m.T(), m)
	for i := range gram.RawMatrix().Rows {
		gram.Set(i, i, gram.At(i, i)-1)
	}
	return maxAbs(&gram)
}

// Bases of all shapes, ranks and sides: orthonormal, spanning gonum's singular
// subspace, in its order, with the largest component positive, and capturing
// the share of the squared singular values that it says.
func TestBases(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	for _, c := range []struct{ rows, cols, rank, r int }{
		{12, 12, 12, 4}, {12, 12, 12, 12}, {9, 20, 9, 3}, {20, 9, 9, 3}, {20, 9, 9, 9}, {9, 20, 9, 9},
		{16, 30, 5, 5}, {30, 16, 5, 5}, {1, 7, 1, 1}, {7, 1, 1, 1}, {64, 40, 40, 8},
	} {
		t.Run(fmt.Sprintf("%dx%d rank %d r %d", c.rows, c.cols, c.rank, c.r), func(t *testing.T) {
			g := decaying(d, c.rows, c.cols, c.rank, random.New(3))
			w := NewSVD(memory.New(), "w", 64, 64, 20)
			left, right := newMatrix(c.rows, c.r), newMatrix(c.r, c.cols)
			leftShare, okL := d.LeftBasis(w, g, left)
			rightShare, okR := d.RightBasis(w, g, right)
			if !okL || !okR {
				t.Fatal("no basis")
			}
			var svd mat.SVD
			if !svd.Factorize(widened(g), mat.SVDThin) {
				t.Fatal("gonum found no decomposition")
			}
			var u, v mat.Dense
			svd.UTo(&u)
			svd.VTo(&v)
			values := svd.Values(nil)
			var top, all float64
			for i, s := range values {
				all += s * s
				if i < c.r {
					top += s * s
				}
			}
			for _, share := range []float64{leftShare, rightShare} {
				if math.Abs(share-top/all) > 1e-9 {
					t.Errorf("captured %v, want %v", share, top/all)
				}
			}
			p, q := widened(left), mat.DenseCopyOf(widened(right).T())
			for side, x := range map[string][2]*mat.Dense{"left": {p, &u}, "right": {q, &v}} {
				if e := identityError(x[0]); e > 1e-6 {
					t.Errorf("%s basis: ‖PᵀP - I‖ = %.2g", side, e)
				}
				for k := range c.r {
					if values[k] < 1e-6*values[0] {
						continue // not determined by g
					}
					mine, theirs := x[0].ColView(k), x[1].ColView(k)
					if dot := mat.Dot(mine, theirs); math.Abs(math.Abs(dot)-1) > 1e-6 {
						t.Errorf("%s vector %d: cosine %v with gonum's", side, k, dot)
					}
					if mat.Max(mine) < -mat.Min(mine) {
						t.Errorf("%s vector %d: the largest component is negative", side, k)
					}
				}
			}
		})
	}
}

func TestBasisGuards(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	w := NewSVD(memory.New(), "w", 4, 6, 4)
	for name, bad := range map[string]float32{"zero": 0, "NaN": float32(math.NaN()), "infinite": float32(math.Inf(1))} {
		g, p := newMatrix(4, 6), newMatrix(2, 6)
		d.Fill(p, 7)
		g.Data[5] = bad
		if _, ok := d.RightBasis(w, g, p); ok {
			t.Errorf("%s: a basis was found", name)
		}
		for _, v := range p.Data {
			if v != 7 {
				t.Fatalf("%s: the old basis was touched", name)
			}
		}
	}
	// Extreme but finite values have a basis: squares are formed in float64.
	for _, scale := range []float32{1e-38, 1e38} {
		g, p := newMatrix(4, 6), newMatrix(2, 6)
		g.Data[8] = scale
		if share, ok := d.RightBasis(w, g, p); !ok || p.Data[2] != 1 || share != 1 {
			t.Errorf("scale %v: basis %v, %v", scale, p.Data, ok)
		}
	}
}

// The same bits on any number of threads.
func TestBasisThreads(t *testing.T) {
	var want []float32
	for _, threads := range []int{1, 2, 3, 5} {
		d := NewDevice(Options{Threads: threads})
		g := newMatrix(33, 50)
		d.FillNormal(g, 1, random.New(1))
		w := NewSVD(memory.New(), "w", 33, 50, 8)
		left, right := newMatrix(33, 8), newMatrix(8, 50)
		d.LeftBasis(w, g, left)
		d.RightBasis(w, g, right)
		d.Close()
		got := append(left.Data, right.Data...)
		if want == nil {
			want = got
		}
		for i := range want {
			if want[i] != got[i] {
				t.Fatalf("%d threads: component %d differs", threads, i)
			}
		}
	}
}

// b·a is the best approximation of its rank (Eckart and Young): the residual
// has the norm of the remaining singular values, and the factors are balanced.
func TestFactorize(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	for _, shape := range [][2]int{{10, 10}, {8, 20}, {20, 8}} {
		g := newMatrix(shape[0], shape[1])
		d.FillNormal(g, 1, random.New(2))
		for _, r := range []int{1, 3, 8} {
			b, a := newMatrix(g.Rows, r), newMatrix(r, g.Cols)
			if !d.Factorize(NewSVD(memory.New(), "w", 10, 20, r), g, b, a) {
				t.Fatal("no factors")
			}
			var svd mat.SVD
			svd.Factorize(widened(g), mat.SVDNone)
			var rest, first float64
			for i, s := range svd.Values(nil) {
				if i >= r {
					rest += s * s
				} else {
					first += s
				}
			}
			residual := newMatrix(g.Rows, g.Cols)
			d.Copy(residual, g)
			d.Gemm(N, N, -1, b, a, 1, residual)
			if got, want := math.Sqrt(d.SumSquares(residual)), math.Sqrt(rest); math.Abs(got-want) > 1e-5*(1+want) {
				t.Errorf("%v rank %d: residual %v, want %v", shape, r, got, want)
			}
			for _, f := range []Matrix{b, a} {
				if got := d.SumSquares(f); math.Abs(got-first) > 1e-5*first {
					t.Errorf("%v rank %d: ‖factor‖² = %v, want Σσ = %v", shape, r, got, first)
				}
			}
		}
	}
}

func TestSVDLedger(t *testing.T) {
	l, p := memory.New(), memory.Predict()
	NewSVD(l, "w", 10, 20, 3)
	NewSVD(p, "w", 10, 20, 3)
	if l.Total() != p.Total() || l.Total() < 8*(10*20+10*10+20*3) {
		t.Errorf("ledger %d, predicted %d", l.Total(), p.Total())
	}
}

// BenchmarkBasis times a refresh at the shapes of the 9m and the 130m model.
func BenchmarkBasis(b *testing.B) {
	for _, c := range [][3]int{{128, 352, 32}, {768, 2048, 256}} {
		b.Run(fmt.Sprintf("%dx%d", c[0], c[1]), func(b *testing.B) {
			d := NewDevice(Options{})
			defer d.Close()
			g := newMatrix(c[0], c[1])
			d.FillNormal(g, 1, random.New(1))
			w, p := NewSVD(memory.New(), "w", c[0], c[1], 0), newMatrix(c[0], c[2])
			for b.Loop() {
				d.LeftBasis(w, g, p)
			}
		})
	}
}

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

var laws = []Law{Stiefel, Gaussian, Coordinates}

// drawn returns a new basis of a panel, what it says it captures, and g.
func (p Panel) drawn(d *Device, law Law, g Matrix, key random.Key) (basis Matrix, captured float64) {
	w := NewRandomBasis(memory.New(), "basis", law, p)
	basis, _, _ = p.basisOf(d)
	if p.Left {
		return basis, d.DrawLeft(w, g, basis, key)
	}
	return basis, d.DrawRight(w, g, basis, key)
}

// orthonormalized returns an orthonormal basis of the span of the columns of p.
func orthonormalized(p *mat.Dense) *mat.Dense {
	rows, cols := p.Dims()
	var qr mat.QR
	qr.Factorize(p)
	var q, r mat.Dense
	qr.QTo(&q)
	qr.RTo(&r)
	out := mat.DenseCopyOf(q.Slice(0, rows, 0, cols))
	for j := range cols { // the signs with which R has a positive diagonal
		if r.At(j, j) < 0 {
			for i := range rows {
				out.Set(i, j, -out.At(i, j))
			}
		}
	}
	return out
}

// A Stiefel basis is the Q of Z = QR with a positive diagonal of R; a Gaussian
// one is Z/√r; coordinates are different unit vectors. Each says what its span
// captures. On every shape, up to the square one.
func TestRandomBasis(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	for _, shape := range [][3]int{{40, 56, 1}, {40, 56, 7}, {56, 40, 40}, {96, 96, 96}, {33, 130, 33}, {130, 33, 33}} {
		for _, left := range []bool{true, false} {
			panel := Panel{shape[0], shape[1], shape[2], left}
			g := newMatrix(panel.Out, panel.In)
			d.FillNormal(g, 1, random.New(2))
			side, _ := panel.side()
			key := random.New(3).Tensor(fmt.Sprint(panel))
			z := mat.DenseCopyOf(widened(d.NormalRows(panel.Rank, side, key)).T())
			for _, law := range laws {
				basis, captured := panel.drawn(d, law, g, key)
				columns := panel.columns(basis)
				var want *mat.Dense
				switch law {
				case Stiefel:
					want = orthonormalized(z)
				case Gaussian:
					want = mat.DenseCopyOf(z)
					want.Scale(1/math.Sqrt(float64(panel.Rank)), want)
				case Coordinates:
					var chosen []int
					for k := range panel.Rank {
						one := mat.Col(nil, k, columns)
						i := slices.Index(one, 1)
						if i < 0 || mat.Norm(columns.ColView(k), 1) != 1 || slices.Contains(chosen, i) {
							t.Fatalf("%v: vector %d is %v", panel, k, one)
						}
						chosen = append(chosen, i)
					}
					want = columns
				}
				var off mat.Dense
				off.Sub(columns, want)
				if e := mat.Norm(&off, 2); !(e <= 2e-4) { // of a square Z, whose condition is large
					t.Errorf("law %d, %v: the basis is %v from what it should be", law, panel, e)
				}
				q := orthonormalized(columns)
				if law != Gaussian {
					var gram mat.Dense
					gram.Mul(columns.T(), columns)
					for i := range panel.Rank {
						gram.Set(i, i, gram.At(i, i)-1)
					}
					if e := mat.Norm(&gram, 2); !(e <= 1e-5) {
						t.Errorf("law %d, %v: ‖PᵀP - I‖ = %v", law, panel, e)
					}
				}
				var image mat.Dense
				if w := widened(g); left {
					image.Mul(q.T(), w)
				} else {
					image.Mul(q.T(), w.T())
				}
				share := math.Pow(mat.Norm(&image, 2)/mat.Norm(widened(g), 2), 2)
				if math.Abs(share-captured) > 1e-4 {
					t.Errorf("law %d, %v: says that its span captures %v, and it captures %v", law, panel, captured, share)
				}
			}
		}
	}
}

// What a basis captures of a gradient without a direction is r/d on average, and
// every coordinate has its turn as often: over 400 draws, within four standard
// errors.
func TestRandomBasisIsUniform(t *testing.T) {
	d := NewDevice(Options{Threads: 1})
	defer d.Close()
	const side, rank, draws = 12, 3, 400
	panel := Panel{Out: 5, In: side, Rank: rank}
	g := newMatrix(panel.Out, side)
	g.Data[1] = 1 // one direction: e_1
	for _, law := range laws {
		var sum, squares, sign float64
		first := make([]int, side)
		for n := range draws {
			basis, captured := panel.drawn(d, law, g, random.New(5).Step(n))
			sum += captured
			squares += captured * captured
			for i, v := range row(basis, 0) {
				if v == 1 {
					first[i]++
				}
			}
			if law == Stiefel { // with signs: the vectors have no preferred half
				sign += float64(basis.Data[1])
			}
		}
		mean := sum / draws
		deviation := math.Sqrt((squares/draws - mean*mean) / draws)
		if math.Abs(mean-float64(rank)/side) > 4*deviation {
			t.Errorf("law %d: captures %v ± %v of one direction, want %v", law, mean, deviation, float64(rank)/side)
		}
		if limit := 4 * math.Sqrt(draws/float64(side)); math.Abs(sign) > limit {
			t.Errorf("the first components add up to %v, not to less than %v", sign, limit)
		}
		for i, n := range first {
			if expected := draws / float64(side); law == Coordinates && math.Abs(float64(n)-expected) > 4*math.Sqrt(expected) {
				t.Errorf("coordinate %d came first %d times of %d", i, n, draws)
			}
		}
	}
}

// The gradient changes what is captured and nothing else; of none, and of one
// that is not finite, that is no number.
func TestRandomBasisIgnoresGradient(t *testing.T) {
	d := NewDevice(Options{Threads: 3})
	defer d.Close()
	for _, law := range laws {
		for _, left := range []bool{true, false} {
			panel := Panel{Out: 20, In: 31, Rank: 6, Left: left}
			g := lively(panel.Out, panel.In, 1)
			want, _ := panel.drawn(d, law, g, random.New(1))
			for _, bad := range []float32{0, float32(math.NaN()), float32(math.Inf(1))} {
				d.Fill(g, bad)
				got, captured := panel.drawn(d, law, g, random.New(1))
				if captured == captured || !slices.Equal(got.Data, want.Data) {
					t.Errorf("law %d, a gradient of %v: captures %v", law, bad, captured)
				}
			}
			other, _ := panel.drawn(d, law, g, random.New(2))
			if slices.Equal(other.Data, want.Data) {
				t.Errorf("law %d: two keys give one basis", law)
			}
		}
	}
}

package selftest

import (
	"fmt"

	"ranklab/internal/memory"
	"ranklab/tensor"
)

// Operations returns everything that is tested.
func Operations() []Operation {
	var all []Operation
	for _, group := range [][]Operation{products(), layers(), sequences(), elementwise(), optimizers(), formats(), bases(), scalars()} {
		all = append(all, group...)
	}
	return all
}

// products are matrix products: the ways of transposing, with extents about the
// edges of tiles (12 × 64), of blocks (96 × 512) and of the blocks of the sum
// (384), and large enough to be split among threads.
func products() []Operation {
	var all []Operation
	for _, way := range []struct {
		name   string
		ta, tb tensor.Transpose
	}{{"NN", tensor.N, tensor.N}, {"NT", tensor.N, tensor.T}, {"TN", tensor.T, tensor.N}, {"TT", tensor.T, tensor.T}} {
		for _, s := range []struct {
			m, n, k     int
			alpha, beta float32
		}{{1, 1, 1, 1, 0}, {13, 33, 7, 0.5, 1}, {12, 64, 384, 1, 0}, {25, 65, 385, -1.5, 0.25}, {97, 513, 17, 1, 1}, {61, 131, 401, 1, 0}} {
			rowsA, colsA, rowsB, colsB := s.m, s.k, s.k, s.n
			if way.ta {
				rowsA, colsA = colsA, rowsA
			}
			if way.tb {
				rowsB, colsB = colsB, rowsB
			}
			a, b, c := strided("a", rowsA, colsA, 1), strided("b", rowsB, colsB, 1), strided("c", s.m, s.n, 1)
			all = append(all, Operation{
				Name: "Gemm " + way.name, Shape: shape(s.m, s.n, s.k) + fmt.Sprintf(", alpha %v, beta %v", s.alpha, s.beta),
				Run: func(d *tensor.Device) []Output {
					c := copied(c)
					d.Gemm(way.ta, way.tb, s.alpha, a, b, s.beta, c)
					return []Output{output("C", c)}
				},
			})
		}
	}
	return all
}

// bases are what GaLore refreshes its projectors with: exact singular vectors,
// the range finder from nothing and from its own result, and those that are drawn.
func bases() []Operation {
	var all []Operation
	for _, s := range []struct{ rows, cols, rank int }{{40, 27, 6}, {61, 203, 9}} {
		g := strided("g", s.rows, s.cols, 1)
		all = append(all, Operation{"LeftBasis", shape(s.rows, s.cols, s.rank), func(d *tensor.Device) []Output {
			w := tensor.NewSVD(memory.New(), "basis", min(s.rows, s.cols), max(s.rows, s.cols), s.rank)
			p := tensor.Of(make([]float32, s.rows*s.rank), s.rows, s.rank)
			captured, _ := d.LeftBasis(w, g, p)
			return []Output{output("P", p), numbers("captured", captured)}
		}}, Operation{"FindLeft", shape(s.rows, s.cols, s.rank), func(d *tensor.Device) []Output {
			w := tensor.NewRangeFinder(memory.New(), "basis", tensor.Panel{Out: s.rows, In: s.cols, Rank: s.rank, Left: true})
			p := tensor.Of(make([]float32, s.rows*s.rank), s.rows, s.rank)
			first, _ := d.FindLeft(w, g, p, key().Step(1))
			again, _ := d.FindLeft(w, g, p, key().Step(2))
			return []Output{output("P", p), numbers("captured", first, again)}
		}}, Operation{"FindRight", shape(s.rows, s.cols, s.rank), func(d *tensor.Device) []Output {
			w := tensor.NewRangeFinder(memory.New(), "basis", tensor.Panel{Out: s.rows, In: s.cols, Rank: s.rank})
			p := tensor.Of(make([]float32, s.rank*s.cols), s.rank, s.cols)
			captured, _ := d.FindRight(w, g, p, key().Step(3))
			return []Output{output("P", p), numbers("captured", captured)}
		}})
	}
	for _, l := range []struct {
		name string
		law  tensor.Law
	}{{"stiefel", tensor.Stiefel}, {"gaussian", tensor.Gaussian}, {"coordinates", tensor.Coordinates}} {
		const rows, cols, rank = 61, 203, 40
		g := strided("g", rows, cols, 1)
		all = append(all, Operation{"DrawLeft and DrawRight", shape(rows, cols, rank) + ", " + l.name, func(d *tensor.Device) []Output {
			w := tensor.NewRandomBasis(memory.New(), "basis", l.law,
				tensor.Panel{Out: rows, In: cols, Rank: rank, Left: true}, tensor.Panel{Out: rows, In: cols, Rank: rank})
			left, right := tensor.Of(make([]float32, rows*rank), rows, rank), tensor.Of(make([]float32, rank*cols), rank, cols)
			first := d.DrawLeft(w, g, left, key().Step(4))
			second := d.DrawRight(w, g, right, key().Step(5))
			captured := numbers("captured", first, second)
			if l.law == tensor.Coordinates { // but for ones there are zeros
				return []Output{numbers("left", ones(left)...), numbers("right", ones(right)...), captured}
			}
			return []Output{output("left", left), output("right", right), captured}
		}})
	}
	return all
}

// ones returns where a matrix is not zero, and what it holds there.
func ones(x tensor.Matrix) []float64 {
	var all []float64
	for i, v := range x.Data {
		if v != 0 {
			all = append(all, float64(i), float64(v))
		}
	}
	return all
}

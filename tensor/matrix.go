// Package tensor holds every operation on numbers that ranklab trains with:
// named functions on float32 matrices, each operation next to its backward.
// It is the only place with loops over elements.
//
// An operation runs on a [Device], which owns the worker threads and their
// scratch memory. Results do not depend on the number of threads: work is
// split over outputs, never over a sum, and every sum has an order fixed by
// the shape. Wrong shapes are programming mistakes and panic.
package tensor

import (
	"gonum.org/v1/gonum/blas/blas32"

	"ranklab/internal/memory"
)

// A Matrix is a row-major view: element (i, j) is Data[i*Stride+j].
type Matrix = blas32.General

// Of wraps a slice as a dense rows × cols matrix. A nil slice (from a
// predicting ledger) gives a matrix that has a shape and no data.
func Of(data []float32, rows, cols int) Matrix {
	if data != nil {
		data = data[:rows*cols]
	}
	return Matrix{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

// Alloc registers and returns a zeroed rows × cols matrix.
func Alloc(l *memory.Ledger, c memory.Category, name string, rows, cols int) Matrix {
	return Of(l.Floats(c, name, rows*cols), rows, cols)
}

// Rows returns the view of rows i to j-1.
func Rows(m Matrix, i, j int) Matrix {
	return Matrix{Rows: j - i, Cols: m.Cols, Stride: m.Stride, Data: m.Data[i*m.Stride:]}
}

// Cols returns the view of columns i to j-1.
func Cols(m Matrix, i, j int) Matrix {
	return Matrix{Rows: m.Rows, Cols: j - i, Stride: m.Stride, Data: m.Data[i:]}
}

// Values returns the elements of a dense matrix as one slice.
func Values(m Matrix) []float32 {
	if m.Stride != m.Cols {
		panic("tensor: Values of a strided matrix")
	}
	return m.Data[:m.Rows*m.Cols]
}

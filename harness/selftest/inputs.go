package selftest

import (
	"fmt"
	"math"
	"slices"

	"ranklab/internal/random"
	"ranklab/tensor"
)

// key is the root of all inputs.
func key() random.Key { return random.New(1).Stream("self-test") }

// gap is the number of values between the rows of a strided matrix, and guard
// what they are: no operation may change them.
const (
	gap   = 3
	guard = 7
)

// dense returns a rows × cols matrix of values from N(0, size²), with a few
// subnormal numbers and negative zeros among them.
func dense(name string, rows, cols int, size float64) tensor.Matrix {
	k := key().Tensor(name)
	m := tensor.Of(make([]float32, rows*cols), rows, cols)
	for i := range m.Data {
		switch {
		case i%101 == 50:
			m.Data[i] = float32(math.Copysign(3e-41, float64(i%2)-0.5))
		case i%103 == 70:
			m.Data[i] = float32(math.Copysign(0, -1))
		default:
			m.Data[i] = float32(size * k.Normal(uint64(i)))
		}
	}
	return m
}

// strided is [dense] inside of a wider matrix.
func strided(name string, rows, cols int, size float64) tensor.Matrix {
	from := dense(name, rows, cols, size)
	m := tensor.Matrix{Rows: rows, Cols: cols, Stride: cols + gap, Data: make([]float32, rows*(cols+gap))}
	for i := range m.Data {
		m.Data[i] = guard
	}
	for i := range rows {
		copy(m.Data[i*m.Stride:], from.Data[i*cols:][:cols])
	}
	return m
}

// squares returns a dense matrix without negative values: a second moment.
func squares(name string, rows, cols int, size float64) tensor.Matrix {
	m := dense(name, rows, cols, size)
	for i, v := range m.Data {
		m.Data[i] = v * v
	}
	return m
}

// copied returns a matrix that an operation may write to.
func copied(m tensor.Matrix) tensor.Matrix {
	m.Data = slices.Clone(m.Data)
	return m
}

// output returns everything in the buffer of a matrix.
func output(name string, m tensor.Matrix) Output { return values(name, m.Stride, m.Data) }

// values returns a slice as an output.
func values[T float32 | uint16 | uint8 | int](name string, cols int, x []T) Output {
	o := Output{Name: name, Cols: max(cols, 1), Values: make([]float64, len(x))}
	for i, v := range x {
		o.Values[i] = float64(v)
	}
	return o
}

// numbers returns a few float64 results.
func numbers(name string, x ...float64) Output { return Output{Name: name, Cols: len(x), Values: x} }

// shape prints extents.
func shape(dims ...int) string {
	s := ""
	for i, d := range dims {
		if i > 0 {
			s += " × "
		}
		s += fmt.Sprint(d)
	}
	return s
}

// Sizes of inputs without any structure: a row shorter than a vector, rows that
// no vector divides, and rows so long that several threads share them.
func rowSizes() [][2]int { return [][2]int{{1, 5}, {5, 37}, {70, 419}, {3, 16411}} }

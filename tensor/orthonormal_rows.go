package tensor

import (
	"math"

	"ranklab/internal/random"
)

// rowsArgs are the arguments of an operation on the rows of matrices.
type rowsArgs struct {
	x, y Matrix
	isa  ISA
	key  random.Key
}

// rowwise runs f on ranges of the rows of a.x.
func (d *Device) rowwise(a rowsArgs, f func(a *rowsArgs, _, lo, hi int)) {
	a.isa = d.isa
	spread(d, a.x.Rows, max(1, rowGrain(a.x.Cols)/8), a, f)
}

// normalizeRows scales the rows of x to length one. A zero row becomes a random
// one: row i from key.Step(i).
func (d *Device) normalizeRows(x Matrix, key random.Key) {
	d.rowwise(rowsArgs{x: x, key: key}, func(a *rowsArgs, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			v := row(a.x, i)
			s := a.isa.dot64(v, v)
			if s == 0 {
				fillNormalRow(v, a.key.Step(i))
				s = a.isa.dot64(v, v)
			}
			scaleTo(v, 1/math.Sqrt(s))
		}
	})
}

// drawRows fills x from N(0, 1), row i from key.Step(i).
func (d *Device) drawRows(x Matrix, key random.Key) {
	d.rowwise(rowsArgs{x: x, key: key}, func(a *rowsArgs, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			fillNormalRow(row(a.x, i), a.key.Step(i))
		}
	})
}

// transpose computes x ← yᵀ.
func (d *Device) transpose(x, y Matrix) {
	d.rowwise(rowsArgs{x: x, y: y}, func(a *rowsArgs, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			for j, v := 0, row(a.x, i); j < len(v); j++ {
				v[j] = a.y.Data[j*a.y.Stride+i]
			}
		}
	})
}

// signedRows writes the rows of x to those of y, each with its component of
// largest magnitude positive.
func (d *Device) signedRows(y, x Matrix) {
	d.rowwise(rowsArgs{x: x, y: y}, func(a *rowsArgs, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			v, to := row(a.x, i), row(a.y, i)
			sign := signOf(v)
			for j, v := range v {
				to[j] = sign * v
			}
		}
	})
}

// signedColumns writes the rows of x to the columns of y, likewise.
func (d *Device) signedColumns(y, x Matrix) {
	d.rowwise(rowsArgs{x: x, y: y}, func(a *rowsArgs, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			v := row(a.x, i)
			sign := signOf(v)
			for j, v := range v {
				a.y.Data[j*a.y.Stride+i] = sign * v
			}
		}
	})
}

// signOf is the sign of the component of largest magnitude, the first of
// equals.
func signOf(x []float32) float32 {
	var best float32
	for _, v := range x {
		if max(v, -v) > max(best, -best) {
			best = v
		}
	}
	if best < 0 {
		return -1
	}
	return 1
}

func scaleTo(v []float32, factor float64) {
	for i, x := range v {
		v[i] = float32(factor * float64(x))
	}
}

// fillNormalRow draws v from N(0, 1).
func fillNormalRow(v []float32, key random.Key) {
	for i := range v {
		v[i] = float32(key.Normal(uint64(i)))
	}
}

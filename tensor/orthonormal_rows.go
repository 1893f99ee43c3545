package tensor

import (
	"math"

	"ranklab/internal/random"
)

type rowsKind uint8

const (
	rowsNormalize rowsKind = iota // scale the rows of x to length one; a zero row becomes a random one
	rowsDraw                      // the rows of x from N(0, 1), row i from key.Step(i)
	rowsTranspose                 // x ← yᵀ
	rowsToRows                    // write the rows of x to those of y, with a positive largest component
	rowsToColumns                 // write the rows of x to the columns of y, likewise
	rowsDot                       // sums ← parts of Σ x_ij·y_ij, as in Device.Dot
)

// A rowsTask is an operation on rows of matrices that allocates nothing.
type rowsTask struct {
	kind   rowsKind
	isa    ISA
	x, y   Matrix
	n      int // rows of x; multiplied: groups of height rows
	height int
	pieces int
	key    random.Key
	sums   [parts]float64
}

func (t *rowsTask) run(d *Device, kind rowsKind, x, y Matrix) {
	t.runUnits(d, kind, x, y, x.Rows, x.Cols)
}

func (t *rowsTask) runUnits(d *Device, kind rowsKind, x, y Matrix, n, elements int) {
	t.kind, t.isa, t.x, t.y, t.n = kind, d.isa, x, y, n
	t.pieces = d.pieces(n, span/8/max(1, elements))
	d.runParts(t.pieces, t)
	t.x, t.y = Matrix{}, Matrix{}
}

func (t *rowsTask) do(_, part int) {
	lo, hi := piece(t.n, t.pieces, part)
	for i := lo; i < hi; i++ {
		if t.kind == rowsDot {
			t.sums[i] = 0
			for j := i * t.height; j < min(t.x.Rows, (i+1)*t.height); j++ {
				t.sums[i] += t.isa.dot64(row(t.x, j), row(t.y, j))
			}
			continue
		}
		x := row(t.x, i)
		switch t.kind {
		case rowsNormalize:
			s := t.isa.dot64(x, x)
			if s == 0 {
				fillNormalRow(x, t.key.Step(i))
				s = t.isa.dot64(x, x)
			}
			scaleTo(x, 1/math.Sqrt(s))
		case rowsDraw:
			fillNormalRow(x, t.key.Step(i))
		case rowsTranspose:
			for j := range x {
				x[j] = t.y.Data[j*t.y.Stride+i]
			}
		case rowsToRows:
			y, sign := row(t.y, i), signOf(x)
			for j, v := range x {
				y[j] = sign * v
			}
		case rowsToColumns:
			sign := signOf(x)
			for j, v := range x {
				t.y.Data[j*t.y.Stride+i] = sign * v
			}
		}
	}
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

// dot returns Σ x_ij·y_ij in the order of [Device.Dot].
func (t *rowsTask) dot(d *Device, x, y Matrix) float64 {
	sameShape(x, y)
	t.height = max(1, (x.Rows+parts-1)/parts)
	n := (x.Rows + t.height - 1) / t.height
	t.runUnits(d, rowsDot, x, y, n, t.height*x.Cols)
	var s float64
	for _, v := range t.sums[:n] {
		s += v
	}
	return s
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

package tensor

import "math"

// maxSweeps bounds the sweeps for one eigenvalue; two are usual.
const maxSweeps = 60

// iterate diagonalises the tridiagonal matrix by implicit QL with the shift of
// Wilkinson (Golub and Van Loan 8.3.3, read from the other end) and applies its
// rotations to the rows of z. It leaves the eigenvalues in diagonal, unsorted.
func (d *Device) iterate(e *eigenSolver) bool {
	n := e.n
	e.sweeps = e.sweeps[:0]
	used := 0
	e.negligible = 0
	for i, v := range e.diagonal[:n] {
		e.negligible = max(e.negligible, 0x1p-54*(math.Abs(v)+math.Abs(e.beside[i])))
	}
	for l := range n {
		for sweeps := 0; ; sweeps++ {
			m := e.uncoupled(l)
			if m == l {
				break
			}
			if sweeps == maxSweeps {
				return false
			}
			if len(e.sweeps) == cap(e.sweeps) {
				d.turn(e)
				used = 0
			}
			turns := e.chase(l, m, e.cs[used:])
			e.sweeps = append(e.sweeps, sweep{top: m, first: used, n: turns})
			used += 2 * turns
		}
	}
	d.turn(e)
	return true
}

// uncoupled returns the end of the block that starts at l: the first m ≥ l
// whose coupling to m+1 is below the rounding of the whole matrix. A bound
// relative to the neighbours would save the relative accuracy of small
// eigenvalues, which the reduction has lost before, and need not be reached
// where they are but rounding errors of large ones.
func (e *eigenSolver) uncoupled(l int) int {
	for m := l; m < e.n-1; m++ {
		if math.Abs(e.beside[m]) <= e.negligible {
			e.beside[m] = 0
			return m
		}
	}
	return e.n - 1
}

// chase does one QL sweep on the block l … m, from the bottom up, and writes
// the cosines and sines of its rotations. It returns their number: m - l, or
// fewer if the block falls apart on the way.
func (e *eigenSolver) chase(l, m int, cs []float64) int {
	diagonal, beside := e.diagonal, e.beside
	// The eigenvalue of the leading 2 × 2 block that is nearer to its corner.
	g := (diagonal[l+1] - diagonal[l]) / (2 * beside[l])
	r := math.Sqrt(float64(g*g) + 1)
	if g < 0 {
		r = -r
	}
	g = diagonal[m] - diagonal[l] + beside[l]/(g+r)
	c, s, shift := 1.0, 1.0, 0.0
	for i := m - 1; i >= l; i-- {
		f, b := float64(s*beside[i]), float64(c*beside[i])
		square := float64(f*f) + float64(g*g)
		if square < 0x1p-900 {
			// Nothing is left to chase: the block splits below i+1.
			beside[i+1] = 0
			diagonal[i+1] -= shift
			beside[m] = 0
			return m - 1 - i
		}
		r = math.Sqrt(square)
		beside[i+1] = r
		s, c = f/r, g/r
		g = diagonal[i+1] - shift
		t := float64((diagonal[i]-g)*s) + float64(2*c*b)
		shift = float64(s * t)
		diagonal[i+1] = g + shift
		g = float64(c*t) - b
		cs[2*(m-1-i)], cs[2*(m-1-i)+1] = c, s
	}
	diagonal[l] -= shift
	beside[l] = g
	beside[m] = 0
	return m - l
}

// turn applies the held rotations to z.
func (d *Device) turn(e *eigenSolver) {
	if len(e.sweeps) == 0 {
		return
	}
	e.task = eigenTask{e: e, isa: d.isa, kind: turn}
	e.task.parts = min((e.n+rotated-1)/rotated, 4*d.threads)
	d.runParts(e.task.parts, &e.task)
	e.sweeps = e.sweeps[:0]
}

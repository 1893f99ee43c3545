package tensor

// reduce brings the matrix to tridiagonal form QᵀAQ = T with Q = H_0·H_1 … and
// H_k = I - tau_k·v·vᵀ, v zero up to k and one at k+1. It leaves T in diagonal
// and beside, and v of H_k in row k.
//
// Both triangles are kept, so that every access runs along a row, and the
// update of step k-1, A ← A - v·wᵀ - w·vᵀ, waits for step k: then one pass over
// a row updates it and multiplies it with the next v. 4/3·n³ operations.
func (d *Device) reduce(e *eigenSolver) {
	n, ld := e.n, e.ld
	clear(e.w)
	v := e.zero[:ld] // of step k-1
	for k := range n {
		row := e.a[k*ld:][:ld]
		vk, wk := v[k], e.w[k]
		for j := k; j < n; j++ {
			row[j] -= float64(vk*e.w[j]) + float64(wk*v[j])
		}
		e.diagonal[k] = row[k]
		clear(row[:k+1])
		if k == n-1 {
			break
		}
		e.beside[k], e.tau[k] = reflector(row[k+1 : n])

		start := (k + 1) &^ (lanes - 1)
		rows := n - k - 1
		e.task = eigenTask{e: e, isa: d.isa, kind: multiply, k: k, start: start, rows: rows, v: v}
		e.task.parts = d.pieces(rows*(ld-start), 1<<13)
		d.runParts(e.task.parts, &e.task)

		// w = tau·p - ½tau²·(pᵀv)·v
		v = row
		var s float64
		for j := k + 1; j < n; j++ {
			s += float64(e.p[j] * v[j])
		}
		tau := e.tau[k]
		s = s * tau * tau / 2
		e.w[k] = 0
		for j := k + 1; j < n; j++ {
			e.w[j] = float64(tau*e.p[j]) - float64(s*v[j])
		}
	}
	e.beside[n-1] = 0
}

// accumulate writes Qᵀ to z.
func (d *Device) accumulate(e *eigenSolver) {
	e.task = eigenTask{e: e, isa: d.isa, kind: reflect}
	e.task.parts = d.pieces(e.n*e.n, 1<<12)
	d.runParts(e.task.parts, &e.task)
}

type eigenKind uint8

const (
	multiply eigenKind = iota // p ← (A - v·wᵀ - w·vᵀ)·(next v), A updated
	reflect                   // rows of Qᵀ
	turn                      // the held rotations, on stripes of columns
)

// An eigenTask is one parallel section of the solver.
type eigenTask struct {
	e     *eigenSolver
	isa   ISA
	kind  eigenKind
	parts int

	k, start, rows int       // multiply: the step, the first column, the rows after k
	v              []float64 // multiply: v of the step before
}

func (t *eigenTask) do(_, part int) {
	e := t.e
	switch t.kind {
	case multiply:
		lo, hi := piece(t.rows, t.parts, part)
		next := e.a[t.k*e.ld:][t.start:e.ld]
		for i := t.k + 1 + lo; i < t.k+1+hi; i++ {
			e.p[i] = t.isa.rank2(e.a[i*e.ld:][t.start:e.ld], e.w[t.start:e.ld], t.v[i], t.v[t.start:e.ld], e.w[i], next)
		}
	case reflect:
		h := reflections{v: e.a, ld: e.ld, count: e.n - 1, shift: 1, tau: e.tau, zero: e.zero}
		h.rows(t.isa, e.z, e.n, part, t.parts)
	case turn:
		lo, hi := piece((e.n+rotated-1)/rotated, t.parts, part)
		for stripe := lo; stripe < hi; stripe++ {
			for _, s := range e.sweeps {
				t.isa.turnRows(e.z[stripe*rotated:], s.top, e.ld, e.cs[s.first:][:2*s.n])
			}
		}
	}
}

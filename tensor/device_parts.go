package tensor

// runParts does parts 0 … parts-1 of t, on all workers if there is more than
// one part. A task that lives in a workspace costs no allocation.
func (d *Device) runParts(parts int, t task) {
	if d.threads == 1 || parts <= 1 {
		for part := range parts {
			t.do(0, part)
		}
		return
	}
	d.pool.run(parts, t)
}

// pieces is the number of parts for n units of work of which a part should have
// at least grain: a few per worker, so that a late one costs little.
func (d *Device) pieces(n, grain int) int {
	return max(1, min(3*d.threads, n/max(1, grain)))
}

// piece returns the bounds of one of several nearly equal parts of 0 … n-1.
func piece(n, parts, part int) (lo, hi int) { return n * part / parts, n * (part + 1) / parts }

package tensor

// rangesPerThread: several, so that a worker that is late or interrupted leaves
// its share to the others.
const rangesPerThread = 4

// spread splits the indices 0 … n-1 into contiguous ranges, multiples of grain
// long but for the last one, and runs f on each: at most one range per worker
// at a time. worker is in 0 … Threads()-1 and selects scratch.
//
// An operation hands over what it works on as args, of a type of its own, and f
// finds a copy of them in a. A function literal that captures nothing costs no
// allocation, and the device keeps the box of each type of arguments, so that a
// training step leaves no garbage.
func spread[A any](d *Device, n, grain int, args A, f func(a *A, worker, lo, hi int)) {
	if n <= 0 {
		return
	}
	if d.pool != nil && d.pool.busy.Load() {
		panic(nested)
	}
	b := boxOf[A](d)
	chunks := (n + grain - 1) / grain
	parts := min(rangesPerThread*d.threads, chunks)
	*b = box[A]{args: args, f: f, n: n, grain: grain, chunks: chunks, parts: parts}
	if d.threads == 1 || parts == 1 {
		f(&b.args, 0, 0, n)
	} else {
		d.pool.run(parts, b)
	}
	*b = box[A]{} // holds on to no matrix
}

// parallel is spread for operations that a training step does not use: f may
// capture variables, which costs allocations.
func (d *Device) parallel(n, grain int, f func(worker, lo, hi int)) {
	spread(d, n, grain, f, func(f *func(worker, lo, hi int), worker, lo, hi int) { (*f)(worker, lo, hi) })
}

// A box is one call of spread.
type box[A any] struct {
	args                    A
	f                       func(a *A, worker, lo, hi int)
	n, grain, chunks, parts int
}

func (b *box[A]) do(worker, part int) {
	b.f(&b.args, worker, min(b.n, b.chunks*part/b.parts*b.grain), min(b.n, b.chunks*(part+1)/b.parts*b.grain))
}

// boxOf returns the device's box for arguments of type A.
func boxOf[A any](d *Device) *box[A] {
	for _, b := range d.boxes {
		if b, ok := b.(*box[A]); ok {
			return b
		}
	}
	b := new(box[A])
	d.boxes = append(d.boxes, b)
	return b
}

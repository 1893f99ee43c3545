package tensor

// A gemmSplit cuts C into jobs of mb × nb, the last ones smaller. The jobs of
// one column of blocks have consecutive numbers.
type gemmSplit struct {
	mb, nb int // multiples of gemmMR and gemmNR
	gm, gn int // blocks along m and n
}

func (s gemmSplit) jobs() int { return s.gm * s.gn }

// A gemmTask is one call of Gemm on several workers.
type gemmTask struct {
	args   gemmArgs
	split  gemmSplit
	device *Device
}

func (t *gemmTask) do(worker, part int) {
	i, j := part%t.split.gm*t.split.mb, part/t.split.gm*t.split.nb
	t.device.scratch[worker].multiply(t.device.isa, &t.args,
		i, min(t.args.m, i+t.split.mb), j, min(t.args.n, j+t.split.nb))
}

// What a split costs, in multiply-adds: a value that is packed, the start of a
// job, and the least product that is worth waking a worker for.
const (
	packCost    = 6
	jobCost     = 1 << 14
	serialBelow = 1 << 18
)

// split chooses the jobs of an m × n product over k for the device's threads:
// small enough to balance, large enough to pay for packing.
func (d *Device) split(m, n, k int) gemmSplit {
	whole := newGemmSplit(m, n, 1, 1)
	if d.threads == 1 || m*n*k < serialBelow {
		return whole
	}
	best, least := whole, 0
	wide, high := (n+gemmNC-1)/gemmNC, (m+gemmMR-1)/gemmMR
	for gn := wide; gn <= wide+2*d.threads; gn++ {
		for each := 1; each <= 4; each++ {
			gm := min(high, max(1, (each*d.threads+gn-1)/gn))
			s := newGemmSplit(m, n, gm, gn)
			job := k*(s.mb*s.nb+packCost*(s.mb+s.nb)) + jobCost
			rounds := (s.jobs() + d.threads - 1) / d.threads
			if cost := rounds*job + job/4; least == 0 || cost < least {
				best, least = s, cost
			}
		}
	}
	return best
}

// newGemmSplit cuts C into about gm × gn equal blocks.
func newGemmSplit(m, n, gm, gn int) gemmSplit {
	mb, nb := share(m, gm, gemmMR), share(n, gn, gemmNR)
	return gemmSplit{mb: mb, nb: nb, gm: (m + mb - 1) / mb, gn: (n + nb - 1) / nb}
}

// share returns the least multiple of unit that covers n in parts pieces.
func share(n, parts, unit int) int {
	units := (n + unit - 1) / unit
	return (units + parts - 1) / parts * unit
}

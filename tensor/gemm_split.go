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

// What a split costs, in multiply-adds: a value that is packed, one of A that is
// read in place, the start of a job, and the least product that is worth waking
// a worker for.
const (
	packCost    = 14
	placeCost   = 4
	jobCost     = 1 << 15
	serialBelow = 1 << 18
)

// split chooses the jobs of a product for the device's threads: small enough to
// balance, large enough to pay for packing.
func (d *Device) split(g *gemmArgs) gemmSplit {
	whole := newGemmSplit(g.m, g.n, 1, 1)
	if d.threads == 1 || g.m*g.n*g.k < serialBelow {
		return whole
	}
	costA := packCost
	if g.a.contiguous && d.isa != Go {
		costA = placeCost
	}
	best, least := whole, 0
	wide, high := (g.n+gemmNC-1)/gemmNC, (g.m+gemmMR-1)/gemmMR
	for gn := wide; gn <= wide+2*d.threads; gn++ {
		for each := 1; each <= 4; each++ {
			gm := min(high, max(1, (each*d.threads+gn-1)/gn))
			s := newGemmSplit(g.m, g.n, gm, gn)
			job := g.k*(s.mb*s.nb+costA*s.mb+packCost*s.nb) + jobCost
			rounds := (s.jobs() + d.threads - 1) / d.threads
			// A worker may be late: with smaller jobs the others wait less.
			if cost := rounds*job + job/16; least == 0 || cost < least {
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

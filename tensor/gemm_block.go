package tensor

import (
	"unsafe"

	"ranklab/internal/memory"
)

// The blocking, after Goto and van de Geijn, "Anatomy of high-performance
// matrix multiplication", ACM TOMS 34(3), 2008. A tile of C of gemmMR × gemmNR
// is computed in a few pieces that fit the registers. gemmMR lines of A, gemmKC
// deep, stay in the first-level cache and meet all strips of gemmNR lines of the
// packed block of B, which stays in the second level, beside a packed block of A. Lines of A that are
// contiguous are not packed but read in place: the kernel needs one value of a
// line at a time.
//
// gemmKC is part of the numbers: changing it changes the bits of every product
// with a longer sum. It divides 768, and is not below 352.
const (
	gemmMR = 12
	gemmNR = 64
	gemmKC = 384
	gemmNC = 512
	gemmMC = 96

	cacheLine = 64 / 4 // values
)

// gemmScratch holds the packing buffers of one worker.
type gemmScratch struct {
	a    []float32 // a block of A: gemmMC/gemmMR strips, each gemmKC × gemmMR
	b    []float32 // a block of B: gemmNC/gemmNR strips, each gemmKC × gemmNR
	tile []float32 // a tile of C: gemmMR × gemmNR
}

const (
	gemmScratchValues = gemmKC*gemmMC + gemmKC*gemmNC + gemmMR*gemmNR
	gemmScratchBytes  = 4 * (gemmScratchValues + cacheLine)
)

func newGemmScratch() gemmScratch {
	slab := memory.Floats(gemmScratchValues + cacheLine)
	misaligned := int(uintptr(unsafe.Pointer(&slab[0]))/4) % cacheLine
	slab = slab[(cacheLine-misaligned)%cacheLine:]
	take := func(n int) []float32 {
		s := slab[:n:n]
		slab = slab[n:]
		return s
	}
	return gemmScratch{b: take(gemmKC * gemmNC), a: take(gemmKC * gemmMC), tile: take(gemmMR * gemmNR)}
}

// multiply computes the rows i0 … i1-1 and columns j0 … j1-1 of C.
func (s *gemmScratch) multiply(isa ISA, g *gemmArgs, i0, i1, j0, j1 int) {
	for j := j0; j < j1; j += gemmNC {
		for p := 0; p < g.k; p += gemmKC {
			s.block(isa, g, p, min(gemmKC, g.k-p), i0, i1, j, min(j1, j+gemmNC))
		}
	}
}

// block adds to the given part of C, at most gemmNC wide, the part of the sum
// from p on, kc ≤ gemmKC long.
func (s *gemmScratch) block(isa ISA, g *gemmArgs, p, kc, i0, i1, j0, j1 int) {
	beta := g.beta
	if p > 0 {
		beta = 1
	}
	rest := (j1 - j0) % gemmNR // columns of the last strip, if it is not whole
	whole := j1 - j0 - rest

	// A few rows of C use B too little to pay for packing it, where it can be read as it is.
	direct := !g.b.contiguous && i1-i0 <= gemmMR
	first, ldb, step := &s.b[0], gemmNR, gemmNR*kc
	if direct {
		first, ldb, step = &g.b.data[p*g.b.stride+j0], g.b.stride, gemmNR
		g.b.pack(isa, s.b[whole*kc:], gemmNR, stripB(rest), j1-rest, rest, p, kc)
	} else {
		g.b.pack(isa, s.b, gemmNR, stripB(rest), j0, j1-j0, p, kc)
	}
	last := s.b[whole*kc:]

	for i := i0; i < i1; i += gemmMC {
		lines := min(gemmMC, i1-i)
		placed := 0 // lines of A that are read in place
		if g.a.contiguous && isa != Go {
			placed = lines / gemmMR * gemmMR
		}
		if placed < lines {
			g.a.pack(isa, s.a, gemmMR, stripA((lines-placed)%gemmMR), i+placed, lines-placed, p, kc)
		}
		for l := 0; l < lines; l += gemmMR {
			t := gemmTile{
				k: kc, ldc: g.ldc, rows: min(gemmMR, lines-l),
				alpha: g.alpha, beta: beta, spare: s.tile,
			}
			if l < placed {
				t.a, t.row, t.step = &g.a.data[(i+l)*g.a.stride+p], g.a.stride, 1
			} else {
				t.a, t.row, t.step = &s.a[(l-placed)*kc], 1, stripA(t.rows)
			}
			if whole > 0 {
				t.b, t.ldb, t.c = first, ldb, &g.c[(i+l)*g.ldc+j0]
				t.across(isa, whole, step)
			}
			if rest > 0 {
				t.b, t.ldb, t.c = &last[0], stripB(rest), &g.c[(i+l)*g.ldc+j1-rest]
				t.across(isa, rest, 0)
			}
		}
	}
}

// stripA returns the width of a packed strip of rows ≤ gemmMR lines of A.
func stripA(rows int) int { return (rows + 3) &^ 3 }

// stripB returns the width of a packed strip of cols ≤ gemmNR columns of B.
func stripB(cols int) int {
	switch {
	case cols <= gemmNR/4:
		return gemmNR / 4
	case cols <= gemmNR/2:
		return gemmNR / 2
	}
	return gemmNR
}

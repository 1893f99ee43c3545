package tensor

import "unsafe"

// The blocking, after Goto and van de Geijn, "Anatomy of high-performance
// matrix multiplication", ACM TOMS 34(3), 2008. A tile of C of gemmMR × gemmNR
// is held in registers. A strip of gemmMR lines of A, gemmKC deep, is packed
// when its turn comes, stays in the first-level cache and meets all strips of
// gemmNR lines of the packed block of B, which stays in the second level.
//
// gemmKC is part of the numbers: changing it changes the bits of every product
// with a longer sum.
const (
	gemmMR = 12
	gemmNR = 32
	gemmKC = 256
	gemmNC = 512

	cacheLine = 64 / 4 // values
)

// gemmScratch holds the packing buffers of one worker.
type gemmScratch struct {
	a    []float32 // a strip of A: gemmKC × gemmMR
	b    []float32 // a block of B: gemmNC/gemmNR strips, each gemmKC × gemmNR
	tile []float32 // a tile of C: gemmMR × gemmNR

	ahead []int // gemmKC offsets, see operand.ahead
}

const (
	gemmScratchValues = gemmKC*gemmMR + gemmKC*gemmNC + gemmMR*gemmNR
	gemmScratchBytes  = 4*(gemmScratchValues+cacheLine) + 8*gemmKC
)

func newGemmScratch() gemmScratch {
	slab := make([]float32, gemmScratchValues+cacheLine)
	misaligned := int(uintptr(unsafe.Pointer(&slab[0]))/4) % cacheLine
	slab = slab[(cacheLine-misaligned)%cacheLine:]
	take := func(n int) []float32 {
		s := slab[:n:n]
		slab = slab[n:]
		return s
	}
	return gemmScratch{
		b: take(gemmKC * gemmNC), a: take(gemmKC * gemmMR), tile: take(gemmMR * gemmNR),
		ahead: make([]int, gemmKC),
	}
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
	// A few rows of C use B too little to pay for packing it, where it can be read as it is.
	direct := !g.b.contiguous && i1-i0 <= gemmMR
	if !direct {
		for j := j0; j < j1; j += gemmNR {
			w := min(gemmNR, j1-j)
			g.b.pack(isa, s.b[(j-j0)*kc:], stripB(w), j, w, p, kc)
		}
	}
	fetch := isa == AVX512 && i1-i0 > 2*gemmMR
	if fetch {
		g.a.ahead(s.ahead[:kc])
	}
	for i := i0; i < i1; i += gemmMR {
		rows := min(gemmMR, i1-i)
		g.a.pack(isa, s.a, stripA(rows), i, rows, p, kc)
		for j := j0; j < j1; j += gemmNR {
			t := gemmTile{
				k: kc, a: &s.a[0], lda: stripA(rows),
				c: &g.c[i*g.ldc+j], ldc: g.ldc, rows: rows, cols: min(gemmNR, j1-j),
				alpha: g.alpha, beta: beta, spare: s.tile,
			}
			switch {
			case !direct:
				t.b, t.ldb = &s.b[(j-j0)*kc], stripB(t.cols)
			case t.cols == gemmNR:
				t.b, t.ldb = &g.b.data[p*g.b.stride+j], g.b.stride
			default:
				t.b, t.ldb = &s.b[0], stripB(t.cols)
				g.b.pack(isa, s.b, t.ldb, j, t.cols, p, kc)
			}
			if fetch && j+gemmNR >= j1 && i+gemmMR < i1 {
				t.next, t.ahead = g.a.first(i+gemmMR, p), &s.ahead[0]
			}
			t.run(isa)
		}
	}
}

// stripA returns the width of a packed strip of rows ≤ gemmMR lines of A.
func stripA(rows int) int { return (rows + 3) &^ 3 }

// stripB returns the width of a packed strip of cols ≤ gemmNR lines of B.
func stripB(cols int) int {
	if cols <= gemmNR/2 {
		return gemmNR / 2
	}
	return gemmNR
}

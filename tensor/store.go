package tensor

import (
	"fmt"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// A Type says what one stored value is.
type Type uint8

// The types. The names of the two 8-bit ones are those of their maps.
const (
	Float32         Type = iota
	BFloat16             // the upper half of a float32
	DynamicSigned        // 8 bits: the index into a map of [-1, 1], times the block's largest magnitude (2110.02861)
	DynamicUnsigned      // 8 bits, a map of [0, 1]
	Affine8              // 8 bits: an even spacing of the block's range (2407.08296)
	Affine4              // 4 bits, likewise
)

// A Format is how a matrix is kept between uses. Whatever it is, computation is
// in float32. The zero value is float32.
type Format struct {
	Type  Type
	Block int // values that share constants (types of 8 and 4 bits): a power of two in MinBlock … MaxBlock
}

// Bounds of Format.Block.
const (
	MinBlock = 64
	MaxBlock = 4096
)

// Bytes returns the bytes of n values: 4n, 2n, or their codes (n, or n/2 rounded
// up) and per block a float32, of affine ones a byte more.
func (f Format) Bytes(n int) int64 {
	switch f.Type {
	case Float32:
		return 4 * int64(n)
	case BFloat16:
		return 2 * int64(n)
	case Affine8, Affine4:
		return int64(f.codes(n)) + 5*int64(f.blocks(n))
	}
	return int64(n) + 4*int64(f.blocks(n))
}

func (f Format) blocks(n int) int { return (n + f.Block - 1) / f.Block }

func (f Format) check() {
	if f.Type > BFloat16 && (f.Block < MinBlock || f.Block > MaxBlock || f.Block&(f.Block-1) != 0) {
		panic(fmt.Sprintf("tensor: blocks of %d values", f.Block))
	}
}

// A Store is a dense matrix as it is kept: in any [Format]. Without data (from a
// predicting ledger) it has a shape only.
type Store struct {
	Rows, Cols int
	Format     Format

	Floats []float32 // Float32: the values. Fewer bits: the largest magnitude or the scale of each block
	Halves []uint16  // BFloat16
	Codes  []uint8   // 8 bits; Affine4: two to a byte
	Zeros  []uint8   // affine: the code of 0 of each block
}

// AllocStore registers and returns a zeroed rows × cols matrix. What one of 8 or 4
// bits has per block is registered as name + ".absmax", or ".scale" and ".zero".
func AllocStore(l *memory.Ledger, c memory.Category, name string, rows, cols int, f Format) Store {
	f.check()
	s, n := Store{Rows: rows, Cols: cols, Format: f}, rows*cols
	switch f.Type {
	case Float32:
		s.Floats = l.Floats(c, name, n)
	case BFloat16:
		s.Halves = l.Halves(c, name, n)
	case Affine8, Affine4: // with scale 0, every code is a zero
		s.Codes = l.Codes(c, name, f.codes(n))
		s.Floats = l.Floats(c, name+GroupScale, f.blocks(n))
		s.Zeros = l.Codes(c, name+GroupZero, f.blocks(n))
	default:
		s.Codes = l.Codes(c, name, n)
		s.Floats = l.Floats(c, name+AbsMax, f.blocks(n))
		if !l.Predicting() {
			s.Clear()
		}
	}
	return s
}

// Free strikes a store that AllocStore made out of the ledger.
func (s Store) Free(l *memory.Ledger, c memory.Category, name string) {
	l.Free(c, name)
	switch {
	case s.Format.affine():
		l.Free(c, name+GroupScale)
		l.Free(c, name+GroupZero)
	case s.Format.Type > BFloat16:
		l.Free(c, name+AbsMax)
	}
}

// Bytes returns the size of the store.
func (s Store) Bytes() int64 { return s.Format.Bytes(s.Rows * s.Cols) }

// AbsMax ends the name of the largest magnitudes of an 8-bit buffer.
const AbsMax = ".absmax"

// Matrix returns the values of a float32 store, which it shares.
func (s Store) Matrix() Matrix {
	if s.Format.Type != Float32 {
		panic("tensor: Matrix of a store that is not float32")
	}
	return Of(s.Floats, s.Rows, s.Cols)
}

// Clear makes every value zero.
func (s Store) Clear() {
	clear(s.Floats)
	clear(s.Halves)
	if s.Format.affine() {
		clear(s.Codes)
		clear(s.Zeros)
	} else if s.Format.Type > BFloat16 {
		zero := s.Format.dynamic().zero
		for i := range s.Codes {
			s.Codes[i] = zero
		}
	}
}

// A Rounding says how float32 values become bfloat16: to the nearest, of equals
// to the even one (the zero value), or stochastically: up or down with a
// probability that makes the expectation exact, by the words of a key.
type Rounding struct {
	stochastic bool
	key        random.Key
}

// Stochastically returns a stochastic rounding. Element i of the row-major order
// takes its noise from key and i alone.
func Stochastically(key random.Key) Rounding { return Rounding{true, key} }

// A Precision is how values that training changes are kept between updates:
// float32 (the zero value), or bfloat16, rounded to nearest or, so that small
// changes are not lost, stochastically. Computation is in float32 always.
type Precision struct {
	BFloat16   bool
	Stochastic bool
}

// Format returns the format of values at rest.
func (p Precision) Format() Format {
	if p.BFloat16 {
		return Format{Type: BFloat16}
	}
	return Format{}
}

// Rounding returns the rounding of one tensor, whose key this is, in update n.
func (p Precision) Rounding(key random.Key, n int) Rounding {
	if !p.Stochastic {
		return Rounding{}
	}
	return Stochastically(key.Step(n))
}

// Load computes dst ← s.
func (d *Device) Load(dst Matrix, s Store) {
	checkStore(dst, s)
	d.blockwise(storeArgs{x: dst, m: s}, func(a *storeArgs, lo, hi int) { a.m.load(a.x.Data[lo:hi], lo) })
}

// Save computes s ← src, rounded to the format of s.
func (d *Device) Save(s Store, src Matrix, r Rounding) {
	checkStore(src, s)
	d.blockwise(storeArgs{x: src, m: s, rm: r}, func(a *storeArgs, lo, hi int) { a.m.save(a.x.Data[lo:hi], lo, a.rm) })
}

func checkStore(m Matrix, s Store) {
	if m.Rows != s.Rows || m.Cols != s.Cols || !dense(m) {
		panic("tensor: shapes of a matrix and its store")
	}
}

// storeArgs are the arguments of operations on stores: one store, m, beside a
// matrix x; of the steps of optimizers a gradient x, moments m and v, and the
// weights w.
type storeArgs struct {
	w, x   Matrix
	m, v   Store
	rm, rv Rounding
	isa    ISA
	adam   AdamStep
	keep   float32                                           // the share of the momentum (μ) or average (β) that stays
	factor float32                                           // of the step (η), or of the gradient in an average (1-β)
	kernel func(i ISA, g, m []float32, keep, factor float32) // momentum or average
	do     func(a *storeArgs, lo, hi int)
}

// blockwise runs do on pieces of at most MaxBlock elements that begin at
// multiples of it: whole blocks of every format.
func (d *Device) blockwise(a storeArgs, do func(a *storeArgs, lo, hi int)) {
	a.isa, a.do = d.isa, do
	spread(d, a.x.Rows*a.x.Cols, MaxBlock, a, func(a *storeArgs, _, lo, hi int) {
		for ; lo < hi; lo += MaxBlock {
			a.do(a, lo, min(lo+MaxBlock, hi))
		}
	})
}

// load widens the elements from lo on, as many as dst has.
func (s *Store) load(dst []float32, lo int) {
	switch s.Format.Type {
	case Float32:
		copy(dst, s.Floats[lo:])
	case BFloat16:
		widen(dst, s.Halves[lo:])
	case Affine8, Affine4:
		s.decodeAffine(dst, lo)
	default:
		s.decode(dst, lo)
	}
}

// save rounds src to the elements from lo on.
func (s *Store) save(src []float32, lo int, r Rounding) {
	switch {
	case s.Format.Type == Float32:
		copy(s.Floats[lo:], src)
	case s.Format.affine():
		s.encodeAffine(src, lo)
	case s.Format.Type > BFloat16:
		s.encode(src, lo)
	case r.stochastic:
		dither(s.Halves[lo:], src, r.key, uint64(lo))
	default:
		narrow(s.Halves[lo:], src)
	}
}

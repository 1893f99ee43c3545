package tensor

import (
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// guarded returns memory for n values that ends, or begins, at a page that
// cannot be touched.
func guarded(t testing.TB, n int, atEnd bool) []float32 {
	page := os.Getpagesize()
	pages := (4*n+page-1)/page + 2
	mem, err := syscall.Mmap(-1, 0, pages*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{mem[:page], mem[(pages-1)*page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	inside := mem[page : (pages-1)*page]
	if atEnd {
		inside = inside[len(inside)-4*n:]
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&inside[0])), n)
}

// TestGemmStaysInside: the kernels read and write nothing outside of the
// matrices, which a fault would show.
func TestGemmStaysInside(t *testing.T) {
	const most = 1 << 17
	for _, atEnd := range []bool{true, false} {
		var memory [3][]float32
		for i := range memory {
			memory[i] = guarded(t, most, atEnd)
		}
		put := func(i int, x Matrix) Matrix {
			m := memory[i][:len(x.Data)]
			if atEnd {
				m = memory[i][most-len(x.Data):]
			}
			copy(m, x.Data)
			x.Data = m
			return x
		}
		for _, isa := range Supported() {
			d := newDevice(t, isa, 1)
			rapid.Check(t, func(t *rapid.T) {
				defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
				p := drawProduct(t, 40, 150, gemmKC+20)
				inside := p
				inside.a, inside.b, inside.c = put(0, p.a), put(1, p.b), put(2, p.c)
				d.Gemm(p.ta, p.tb, p.alpha, inside.a, inside.b, p.beta, inside.c)
				if e := diff(inside.c, p.on(d)); e != "" {
					t.Fatalf("%v on %v: %s", p, isa, e)
				}
			})
		}
	}
}

// TestRowKernelsStayInside is the same for the row kernels: their masked tails.
func TestRowKernelsStayInside(t *testing.T) {
	const most = 70
	for _, atEnd := range []bool{true, false} {
		var memory [5][]float32
		for i := range memory {
			memory[i] = guarded(t, most, atEnd)
		}
		doubles := guarded(t, 2*most, atEnd)
		for _, k := range rowKernels {
			for _, isa := range Supported() {
				for n := 1; n <= most; n++ {
					r := rowArgs{sums: unsafe.Slice((*float64)(unsafe.Pointer(&doubles[0])), most)}
					from := 0
					if atEnd {
						from = most - n
					}
					r.sums = r.sums[from : from+n]
					for i := range k.slices {
						r.x[i] = memory[i][from : from+n]
						r.x[i][0], r.x[i][n-1] = 1, 1
					}
					func() {
						defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
						k.run(isa, &r)
					}()
				}
			}
		}
	}
}

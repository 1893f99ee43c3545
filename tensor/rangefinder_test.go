package tensor

import (
	"fmt"
	"testing"
	"time"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

func TestExplore(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	for _, c := range [][3]int{{768, 768, 256}, {2048, 768, 256}, {128, 352, 32}, {128, 128, 8}, {128, 128, 64}} {
		for _, kind := range []string{"flat", "decay"} {
			g := newMatrix(c[0], c[1])
			d.FillNormal(g, 1, random.New(1))
			if kind == "decay" {
				n := min(c[0], c[1])
				b, a := newMatrix(c[0], n), newMatrix(n, c[1])
				d.FillNormal(b, 1, random.New(2))
				d.FillNormal(a, 1, random.New(3))
				for k := range n {
					d.Scale(1/float32(1+k), Rows(a, k, k+1))
				}
				d.Gemm(N, N, 1, b, a, 0, g)
			}
			for _, left := range []bool{true, false} {
				p := Panel{c[0], c[1], c[2], left}
				w := NewRangeFinder(memory.New(), "w", p)
				s := NewSVD(memory.New(), "w", min(c[0], c[1]), max(c[0], c[1]), c[2])
				var exact, got float64
				var ok bool
				find := func() {
					var m Matrix
					start := time.Now()
					if left {
						m = newMatrix(c[0], c[2])
						got, ok = d.FindLeft(w, g, m, random.New(5))
					} else {
						m = newMatrix(c[2], c[1])
						got, ok = d.FindRight(w, g, m, random.New(5))
					}
					cold, rounds := time.Since(start), w.rounds
					start = time.Now()
					if left {
						_, _ = d.FindLeft(w, g, m, random.New(5))
					} else {
						_, _ = d.FindRight(w, g, m, random.New(5))
					}
					warm := time.Since(start)
					dev := 0.0
					x := widened(m)
					if left {
						dev = identityError(x)
					} else {
						y := newMatrix(c[1], c[2])
						for i := range m.Rows {
							for j := range m.Cols {
								y.Data[j*y.Stride+i] = m.Data[i*m.Stride+j]
							}
						}
						dev = identityError(widened(y))
					}
					fmt.Println(c, kind, left, "cold", rounds, cold, "warm", w.rounds, warm, "captured", got, ok, "dev", dev)
				}
				find()
				if left {
					exact, _ = d.LeftBasis(s, g, newMatrix(c[0], c[2]))
				} else {
					exact, _ = d.RightBasis(s, g, newMatrix(c[2], c[1]))
				}
				fmt.Println("   exact", exact, "ratio", got/exact)
			}
		}
	}
}

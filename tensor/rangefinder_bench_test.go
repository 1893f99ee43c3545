package tensor

import (
	"fmt"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
)

// BenchmarkRangeFinder times a refresh at the shapes of the 130m model, on
// Gaussian gradients, which take the most rounds: from nothing, and from the
// basis of a gradient that shares half of its energy.
func BenchmarkRangeFinder(b *testing.B) {
	for _, panel := range []Panel{{768, 768, 256, false}, {2048, 768, 256, false}, {768, 2048, 256, true}} {
		d := NewDevice(Options{})
		g, h := newMatrix(panel.Out, panel.In), newMatrix(panel.Out, panel.In)
		d.FillNormal(g, 1, random.New(1))
		d.FillNormal(h, 1, random.New(2))
		d.Add(h, g)
		w := NewRangeFinder(memory.New(), "w", panel)
		p, find, _ := panel.basisOf(d)
		old, _, _ := panel.basisOf(d)
		find(w, h, old, random.New(3))
		for _, warm := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dx%d warm=%v", panel.Out, panel.In, warm), func(b *testing.B) {
				for b.Loop() {
					clear(p.Data)
					if warm {
						copy(p.Data, old.Data)
					}
					find(w, g, p, random.New(4))
				}
				b.ReportMetric(float64(w.rounds), "rounds")
			})
		}
		d.Close()
	}
}

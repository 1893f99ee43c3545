package plots

import (
	"math"
	"strings"
	"testing"

	"ranklab/harness/view"
)

// FuzzTicks places ticks on any axis: few, in order, inside of it, and in time.
func FuzzTicks(f *testing.F) {
	for _, axis := range [][2]float64{{0, 1}, {-3, 5}, {1e17, 1e17 + 16}, {9.2e18, 9.2e18 + 2048}, {-1e308, 1e308}, {0, 5e-324}, {1, 1}, {0, 0}, {1e-300, 1e300}, {math.NaN(), 1}, {1, math.Inf(1)}} {
		f.Add(axis[0], axis[1])
	}
	f.Fuzz(func(t *testing.T, lo, hi float64) {
		const wanted = 6
		ticks := linearTicks(lo, hi, wanted)
		if len(ticks) > 4*wanted {
			t.Fatalf("%d ticks on [%v, %v]", len(ticks), lo, hi)
		}
		beyond := (hi-lo)/100 + 1e-12*max(math.Abs(lo), math.Abs(hi)) // nobody sees it
		for i, tick := range ticks {
			if tick.Value < lo-beyond || tick.Value > hi+beyond || i > 0 && tick.Value <= ticks[i-1].Value {
				t.Fatalf("tick %d on [%v, %v] is %v", i, lo, hi, tick.Value)
			}
		}
		if !(lo > 0 && hi > lo) || math.IsInf(hi, 0) {
			return
		}
		for i, tick := range logTicks(lo, hi) {
			if !(tick.Value > 0) || math.IsInf(tick.Value, 0) {
				t.Fatalf("tick %d on a log axis [%v, %v] is %v", i, lo, hi, tick.Value)
			}
		}
	})
}

// TestTallFigureIsRefused: a title from a file must not fill the memory.
func TestTallFigureIsRefused(t *testing.T) {
	chart := view.Chart{
		Figure: view.Figure{ID: "tall", Kind: view.Line, X: "rank", Y: "ppl", Title: strings.Repeat("many words ", 20_000)},
		X:      view.Describe("rank"), Y: view.Describe("ppl"), XScale: view.Linear,
		Series: []view.Series{{Label: "a", Points: []view.Point{{X: 1, Y: 2, Lo: math.NaN(), Hi: math.NaN(), N: 1}, {X: 2, Y: 3, Lo: math.NaN(), Hi: math.NaN(), N: 1}}}},
	}
	for name, draw := range map[string]func(view.Chart) ([]byte, error){"SVG": SVG, "PNG": PNG} {
		if _, err := draw(chart); err == nil || !strings.Contains(err.Error(), `figure "tall": its title, legend and notes need`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

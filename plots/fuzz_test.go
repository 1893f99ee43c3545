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
		if n := len(logTicks(lo, hi)); n > 9*14 {
			t.Fatalf("%d ticks on a log axis [%v, %v]", n, lo, hi)
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
	for name, draw := range map[string]func(view.Chart) ([]byte, error){"SVG": SVG, "PNG": PNG, "PDF": PDF} {
		if _, err := draw(chart); err == nil || !strings.Contains(err.Error(), `figure "tall": its title, legend and notes need`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzChart draws charts of any kind with any numbers in them: a picture or an
// error that names the figure, in time.
func FuzzChart(f *testing.F) {
	kinds := view.Kinds()
	for kind := range kinds {
		for _, v := range []float64{1, 0, -3, 1e-300, 1e300, math.NaN(), math.Inf(1)} {
			f.Add(uint8(kind), uint8(0), v, 2.5, 40.0, "rank 8")
			f.Add(uint8(kind), uint8(255), 2.5, v, 1000.0, "a long name of a panel that is broken")
		}
	}
	f.Fuzz(func(t *testing.T, kind, options uint8, a, b, c float64, name string) {
		scale := func(bit uint8) string { return map[bool]string{true: view.Log, false: view.Linear}[options&bit > 0] }
		chart := view.Chart{
			Figure: view.Figure{ID: "any", Kind: kinds[int(kind)%len(kinds)], X: "rank", Y: "ppl", Z: "loss", YScale: scale(2), ZScale: scale(4), Raw: options&8 > 0, Title: name},
			X:      view.Describe("rank"), Y: view.Describe("ppl"), Z: view.Describe("loss"), XScale: scale(1),
			Categories: []string{"x", name, "z"}, YCategories: []string{"one", "two"},
		}
		if k := chart.Figure.Kind; k == view.Bar || k == view.StackedBar || k == view.HeatMap {
			chart.XScale = view.Category
		}
		if options&16 > 0 && chart.Figure.Kind != view.StackedBar {
			chart.Panels = []string{"p", name + "!"}
		}
		if chart.XScale != view.Category && options&32 > 0 {
			chart.Beyond = []view.Beyond{{Name: name, At: c}}
		}
		for i, label := range chart.YCategories {
			s := view.Series{Label: label, Method: label, Kind: "galore"}
			if len(chart.Panels) > 0 {
				s.Panel = chart.Panels[i]
			}
			for j, v := range []float64{a, b, c} {
				x := v
				if chart.XScale == view.Category {
					x = float64(j)
				}
				p := view.Point{X: x, Y: []float64{b, c, a}[j], Lo: a, Hi: b, N: j, Diverged: i * j, Label: name, XLo: b, XHi: c, Front: j > 0, IDs: []string{"id"}}
				p.Each = []view.Each{{ID: "id", Seed: j, X: x, Y: a}}
				s.Points = append(s.Points, p)
			}
			chart.Series = append(chart.Series, s)
		}
		chart.Baselines = []view.Series{{Label: "base", Points: []view.Point{{Y: c, Lo: b, Hi: a}}}}
		chart.Overlays = []view.Series{{Label: "paper", Points: chart.Series[0].Points}}
		for _, f := range files() {
			if f.ext == "png" {
				continue // as SVG, and slow
			}
			data, err := f.draw(chart)
			if err != nil && !strings.Contains(err.Error(), `figure "any"`) || err == nil && len(data) == 0 {
				t.Fatalf("%s: %d bytes, %v", f.ext, len(data), err)
			}
		}
	})
}

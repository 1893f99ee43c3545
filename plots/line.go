package plots

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
)

// manyPoints is the number of points from which a line needs no markers, and
// intervals read better as a band.
const manyPoints = 16

// lines draws one line per series, and horizontal ones for baselines. Values
// of runs that diverged do not stretch the axis while others remain.
func (d *drawing) lines() []plot.Plotter {
	f := d.chart.Figure
	under := d.levels()
	var over []plot.Plotter
	intervals := d.hasIntervals
	stretched := d.stretched()

	chosen := false
	for i, s := range d.chart.Series {
		if !d.here(s) {
			continue
		}
		look := d.seriesLook(i)
		seen := func(j int) bool { return !stretched[i] || len(s.Points) > 1 && j < len(s.Points)/2 }
		var dots []dot
		var rings []plot.Plotter
		for j, p := range s.Points {
			at := d.dot(p)
			d.seeX(at.x)
			if p.Diverged > 0 && f.Along() {
				d.now.failures = append(d.now.failures, failure{x: at.x, y: at.y, colour: look.colour})
			} else if p.Diverged > 0 {
				d.fail(at.x, look.colour)
			}
			if math.IsNaN(p.Y) {
				continue
			}
			if f.Band == view.NoBand {
				at.lo, at.hi = math.NaN(), math.NaN()
			}
			dots = append(dots, at)
			if p.Chosen {
				rings = append(rings, ring{at, look.colour})
			}
			if seen(j) {
				d.see(at)
			}
			intervals = intervals || at.hasInterval()
		}
		under = append(under, d.runLines(s, look, seen)...)
		numbers, beyond := d.split(dots)
		l := path{dots: numbers, style: stroke(look.colour, lineWidth)}
		l.style.Dashes = dashPattern(look.dashes)
		if len(dots) >= manyPoints || f.Band == "ci95" {
			under = append(under, band{numbers, fade(look.colour, 32)})
		} else {
			over = append(over, whiskers{dots, stroke(look.colour, 1)})
		}
		if len(dots) < manyPoints {
			l.glyph = draw.GlyphStyle{Color: look.colour, Radius: vg.Points(markerSize), Shape: look.marker}
		}
		if len(beyond) > 0 {
			over = append(over, d.jump(l, numbers, beyond)...)
		}
		over = append(append(over, l), rings...)
		chosen = chosen || len(rings) > 0
		d.enter(look, s.Label, l)
	}
	if chosen {
		d.legend.add("chosen", ring{colour: faint()})
	}
	if intervals {
		d.footnote(intervalNote)
	}
	return slices.Concat(under, over, d.compared())
}

// runLines draws the runs behind a line one by one, where the figure asks for
// them.
func (d *drawing) runLines(s view.Series, look look, seen func(j int) bool) []plot.Plotter {
	var marks []plot.Plotter
	var seeds []int
	for _, p := range s.Points {
		for _, e := range p.Each {
			if !slices.Contains(seeds, e.Seed) {
				seeds = append(seeds, e.Seed)
			}
		}
	}
	slices.Sort(seeds)
	if len(seeds) > 0 {
		d.footnote("thin lines: single seeds")
	}
	for _, seed := range seeds {
		l := path{style: stroke(mix(look.colour, rgb(0xffffff), 0.45), 0.7)}
		for j, p := range s.Points {
			for _, e := range p.Each {
				if e.Seed != seed || d.ys.positive && e.Y <= 0 {
					continue
				}
				at := dot{x: e.X / d.xscale, y: e.Y / d.scale, lo: math.NaN(), hi: math.NaN()}
				l.dots = append(l.dots, at)
				if seen(j) {
					d.seeY(at.y)
					d.xs.add(at.x)
				}
			}
		}
		l.dots, _ = d.split(l.dots)
		marks = append(marks, l)
	}
	return marks
}

// split separates dots at numbers from those behind them.
func (d *drawing) split(dots []dot) (numbers, beyond []dot) {
	for i, at := range dots {
		if _, ok := d.chart.IsBeyond(at.x); ok {
			return dots[:i], dots[i:]
		}
	}
	return dots, nil
}

// jump draws the values behind the gap of an axis like a line, and a dotted
// connection over it.
func (d *drawing) jump(like path, numbers, beyond []dot) []plot.Plotter {
	marks := path{dots: beyond, glyph: like.glyph}
	if marks.glyph.Shape == nil {
		marks.glyph = draw.GlyphStyle{Color: like.style.Color, Radius: vg.Points(markerSize), Shape: disc()}
	}
	connection := path{dots: beyond, style: like.style}
	if n := len(numbers); n > 0 {
		connection.dots = append([]dot{numbers[n-1]}, beyond...)
	}
	connection.style.Width = vg.Points(1)
	connection.style.Dashes = []vg.Length{vg.Points(1.2), vg.Points(2.4)}
	return []plot.Plotter{connection, marks}
}

// breaks marks where the numbers of the x axis end and other values follow.
func (d *drawing) breaks() plot.Plotter {
	if len(d.chart.Beyond) == 0 {
		return &later{}
	}
	return axisBreak{d.lastNumber(), d.chart.Beyond[0].At}
}

// stretched tells which lines end in divergence and must not set the scale:
// none, when all do.
func (d *drawing) stretched() []bool {
	list := make([]bool, len(d.chart.Series))
	n := 0
	for i, s := range d.chart.Series {
		if last := len(s.Points) - 1; last > 0 && s.Points[last].N > 0 && s.Points[last].Diverged >= s.Points[last].N {
			list[i] = true
			n++
		}
	}
	if n == len(list) {
		return make([]bool, len(list))
	}
	return list
}

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
	var under, over []plot.Plotter
	all := looks(slices.Concat(d.chart.Baselines, d.chart.Series))
	baselineLooks, seriesLooks := all[:len(d.chart.Baselines)], all[len(d.chart.Baselines):]
	intervals := false
	stretched := d.stretched()

	for i, s := range d.chart.Baselines {
		for _, p := range s.Points {
			if math.IsNaN(p.Y) {
				continue
			}
			l := level{dot: d.dot(p), style: stroke(baselineLooks[i].colour, lineWidth), fill: fade(baselineLooks[i].colour, 28)}
			l.style.Dashes = dashPattern(1)
			d.see(l.dot)
			intervals = intervals || l.hasInterval()
			under = append(under, l)
			d.legend.add(s.Label, l)
		}
	}
	chosen := false
	for i, s := range d.chart.Series {
		look := seriesLooks[i]
		var dots []dot
		var rings []plot.Plotter
		for j, p := range s.Points {
			at := d.dot(p)
			d.seeX(p.X)
			if p.Diverged > 0 && view.IsCurve(d.chart.Figure.X) {
				d.failures = append(d.failures, failure{x: at.x, y: at.y, colour: look.colour})
			} else if p.Diverged > 0 {
				d.fail(at.x, look.colour)
			}
			if math.IsNaN(p.Y) {
				continue
			}
			dots = append(dots, at)
			if p.Chosen {
				rings = append(rings, ring{at, look.colour})
			}
			if !stretched[i] || len(s.Points) > 1 && j < len(s.Points)/2 {
				d.see(at)
			}
			intervals = intervals || at.hasInterval()
		}
		l := path{dots: dots, style: stroke(look.colour, lineWidth)}
		l.style.Dashes = dashPattern(look.dashes)
		if len(dots) < manyPoints {
			l.glyph = draw.GlyphStyle{Color: look.colour, Radius: vg.Points(markerSize), Shape: look.marker}
			over = append(over, whiskers{dots, stroke(look.colour, 1)})
		} else {
			under = append(under, band{dots, fade(look.colour, 32)})
		}
		over = append(append(over, l), rings...)
		chosen = chosen || len(rings) > 0
		d.legend.add(s.Label, l)
	}
	if chosen {
		d.legend.add("chosen", ring{colour: faint()})
	}
	d.addFailureEntry()
	if intervals {
		d.footnotes = append([]string{intervalNote}, d.footnotes...)
	}
	return append(under, over...)
}

// see lets the axes cover a dot and its interval.
func (d *drawing) see(at dot) {
	for _, v := range []float64{at.y, at.lo, at.hi} {
		d.ys.add(v)
	}
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

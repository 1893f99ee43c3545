package plots

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
)

// levels draws baselines: horizontal lines across the figure.
func (d *drawing) levels() []plot.Plotter {
	var marks []plot.Plotter
	for i, s := range d.chart.Baselines {
		if !d.here(s) {
			continue
		}
		look := d.baselineLook(i)
		for _, p := range s.Points {
			if math.IsNaN(p.Y) {
				continue
			}
			l := level{dot: d.dot(p), style: stroke(look.colour, lineWidth), fill: fade(look.colour, 28)}
			l.style.Dashes = dashPattern(1 + look.dashes%4) // none is whole
			if d.chart.Figure.Band == view.NoBand {
				l.lo, l.hi = math.NaN(), math.NaN()
			}
			d.see(l.dot)
			marks = append(marks, l)
			d.enter(look, s.Label, l)
			if l.hasInterval() {
				d.hasIntervals = true
			}
		}
	}
	return marks
}

// compared draws what does not come from runs: reference lines, dotted, and
// published numbers, as open grey marks.
func (d *drawing) compared() []plot.Plotter {
	var marks []plot.Plotter
	for i, s := range d.chart.Lines {
		if !d.here(s) || len(s.Points) == 0 {
			continue
		}
		i = firstNamed(d.chart.Lines, s.Label, i)
		style := stroke(rgb(0x8a8a8a), 1.1)
		style.Dashes = dashPattern(2 + i%2)
		entry := look{place: lastPlace + 1 + i}
		if len(s.Points) == 1 {
			l := level{dot: d.dot(s.Points[0]), style: style}
			l.lo, l.hi = math.NaN(), math.NaN()
			d.see(l.dot)
			marks = append(marks, l)
			d.enter(entry, s.Label, l)
			continue
		}
		l := path{dots: d.dots(s.Points), style: style}
		marks = append(marks, l)
		d.enter(entry, s.Label, l)
	}
	shapes := []shape{hollow(diamond()), hollow(disc()), hollow(square()), hollow(triangle())}
	for i, s := range d.chart.Overlays {
		if !d.here(s) || len(s.Points) == 0 {
			continue
		}
		i = firstNamed(d.chart.Overlays, s.Label, i)
		grey := rgb(0x757575)
		l := path{dots: d.dots(s.Points), glyph: draw.GlyphStyle{Color: grey, Radius: vg.Points(1.15 * markerSize), Shape: shapes[i%len(shapes)]}}
		if len(l.dots) > 1 && d.chart.Figure.Kind == view.Line {
			l.style = stroke(mix(grey, rgb(0xffffff), 0.4), 0.9)
			l.style.Dashes = dashPattern(2)
		}
		marks = append(marks, l)
		d.enter(look{place: lastPlace + 1000 + i}, s.Label, l)
	}
	return marks
}

// firstNamed returns the index of the first series with a label: those of
// several panels that are named alike are one in the legend.
func firstNamed(list []view.Series, label string, i int) int {
	return min(i, slices.IndexFunc(list, func(s view.Series) bool { return s.Label == label }))
}

// dots places points that have a value, and lets the axes cover them.
func (d *drawing) dots(points []view.Point) []dot {
	var list []dot
	for _, p := range points {
		at := d.dot(p)
		if d.shift != nil {
			at.x += d.shift(p)
		}
		if math.IsNaN(at.x) || math.IsNaN(at.y) {
			continue
		}
		if d.chart.XScale != view.Category {
			d.xs.add(at.x)
		}
		d.seeY(at.y)
		list = append(list, at)
	}
	return list
}

package plots

import (
	"math"

	"gonum.org/v1/plot"

	"ranklab/harness/view"
)

// Shares of the distance between two categories.
const (
	groupWidth = 0.78 // all bars of a category together
	stackWidth = 0.58
	maxLabels  = 12 // bars that are wide enough for a number above
)

// bars draws one bar per series and category, beside each other.
func (d *drawing) bars() []plot.Plotter {
	var marks []plot.Plotter
	all := looks(d.chart.Series)
	n := len(d.chart.Series)
	bars, intervals := 0, false
	for _, s := range d.chart.Series {
		bars += len(s.Points)
	}
	w := groupWidth / float64(n)
	if n == 1 {
		w = stackWidth
	}
	for i, s := range d.chart.Series {
		offset := (float64(i) - float64(n-1)/2) * w
		for _, p := range s.Points {
			at := d.dot(p)
			at.x += offset
			colour := all[i].colour
			if n == 1 && d.chart.Figure.X == "method" {
				colour = ofKind(p.Kind).colour
			}
			if p.Diverged > 0 {
				d.fail(at.x, colour)
			}
			if math.IsNaN(p.Y) {
				continue
			}
			d.ys.add(0)
			d.see(at)
			intervals = intervals || at.hasInterval()
			marks = append(marks, block{at.x - w/2, at.x + w/2, 0, at.y, colour},
				whiskers{[]dot{at}, stroke(rgb(0xffffff), 2.6)}, whiskers{[]dot{at}, stroke(ink(), 1)})
			if bars <= maxLabels {
				top := at.y
				if at.hasInterval() {
					top = at.hi
				}
				marks = append(marks, caption{at.x, top, valueLabel(at.y), letters(footnoteSize+0.5, ink())})
			}
		}
		if n > 1 {
			d.legend.add(s.Label, block{colour: all[i].colour})
		}
	}
	d.addFailureEntry()
	if intervals {
		d.footnotes = append([]string{intervalNote}, d.footnotes...)
	}
	return marks
}

// stacks draws the categories of memory on top of each other, in the order in
// which reports list them, with the sum above.
func (d *drawing) stacks() []plot.Plotter {
	var marks []plot.Plotter
	tops := make([]float64, len(d.chart.Categories))
	d.ys.add(0)
	for _, s := range d.chart.Series {
		colour := categoryColour(s.Label)
		for _, p := range s.Points {
			at := d.dot(p)
			base := tops[int(p.X)]
			tops[int(p.X)] += at.y
			if at.y > 0 {
				marks = append(marks, block{at.x - stackWidth/2, at.x + stackWidth/2, base, base + at.y, colour})
			}
		}
	}
	for i, top := range tops {
		d.ys.add(top)
		if len(tops) <= maxLabels {
			marks = append(marks, caption{float64(i), top, valueLabel(top), letters(footnoteSize+0.5, ink())})
		}
	}
	// The legend reads like the bars, from the top.
	for i := len(d.chart.Series) - 1; i >= 0; i-- {
		name := d.chart.Series[i].Label
		d.legend.add(view.CategoryName(name), block{colour: categoryColour(name)})
	}
	return marks
}

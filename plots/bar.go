package plots

import (
	"math"
	"slices"

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
	levels := d.levels()
	var marks []plot.Plotter
	first, n := d.places()
	bars, intervals := 0, d.hasIntervals
	for _, s := range d.chart.Series {
		bars += len(s.Points)
	}
	w := groupWidth / float64(n)
	if n == 1 {
		w = stackWidth
	}
	for i, s := range d.chart.Series {
		if !d.here(s) {
			continue
		}
		look := d.seriesLook(i)
		offset := (float64(look.place-first) - float64(n-1)/2) * w
		for _, p := range s.Points {
			at := d.dot(p)
			at.x += offset
			colour := look.colour
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
			d.enter(look, s.Label, block{colour: look.colour})
		}
	}
	if intervals {
		d.footnote(intervalNote)
	}
	d.shift = func(p view.Point) float64 {
		var places []int
		for i, s := range d.chart.Series {
			if place := d.seriesLook(i).place; s.Method == p.Method && !slices.Contains(places, place) {
				places = append(places, place)
			}
		}
		if len(places) != 1 { // it belongs to no bar alone
			return 0
		}
		return (float64(places[0]-first) - float64(n-1)/2) * w
	}
	return slices.Concat(marks, levels, d.compared())
}

// places returns the place of the first series among the looks, behind those
// of the baselines, and the number of series that are told apart.
func (d *drawing) places() (first, n int) {
	first, last := len(d.looks), -1
	for i := range d.chart.Series {
		place := d.seriesLook(i).place
		first, last = min(first, place), max(last, place)
	}
	return first, last - first + 1
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

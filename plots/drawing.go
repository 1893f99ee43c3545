package plots

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"

	"ranklab/harness/view"
)

// A drawing is a chart with everything decided but the place on the page.
type drawing struct {
	chart     view.Chart
	panels    []*panel
	now       *panel // the one that is being filled
	legend    legend
	bar       *colourBar // of a heat map
	footnotes []string
	looks     []look // of baselines, then of series
	entered   map[int]bool

	hasIntervals bool                     // of a baseline
	shift        func(view.Point) float64 // of what stands beside the bars of its method

	xscale float64 // an x is divided by this before it is drawn
	xunit  string
	scale  float64 // and a value by this
	unit   string
	xs     extent // shared by all panels
	ys     extent
	values extent // of ys, without intervals

	xticks []float64 // values of x in the data
}

// A panel is one data area: the figure's only one, or that of a facet.
type panel struct {
	name     string
	plot     *plot.Plot
	grid     *later
	marks    []plot.Plotter
	failures []plot.Plotter // marks of divergence
}

// intervalNote explains whiskers and bands.
const intervalNote = "intervals: 95 % confidence in the mean over seeds (Student t)"

// beyondNote explains an interval that is cut; see cutIntervals.
const beyondNote = "an interval that ends at the frame goes on beyond it"

// An extent is the range of values seen on an axis. On a log scale the end of
// an interval may lie beyond the edge of the axis: only what is positive counts.
type extent struct {
	lo, hi   float64
	positive bool
}

func (e *extent) add(v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) && (v > 0 || !e.positive) {
		e.lo, e.hi = min(e.lo, v), max(e.hi, v)
	}
}

func (e extent) empty() bool { return e.lo > e.hi }

// nothing is the extent of no values.
func nothing() extent { return extent{lo: math.Inf(1), hi: math.Inf(-1)} }

// checkValues refuses points that have no place on the axes.
func checkValues(chart view.Chart) error {
	logY := chart.Figure.YScale == view.Log || chart.Figure.Kind == view.HeatMap && chart.Figure.ZScale == view.Log
	for _, list := range [][]view.Series{chart.Series, chart.Overlays, chart.Lines, chart.Baselines} {
		for _, s := range list {
			for _, p := range s.Points {
				if math.IsInf(p.Y, 0) || logY && p.Y <= 0 {
					return fmt.Errorf("%s: the value %v cannot be placed on the scale", s.Label, p.Y)
				}
			}
		}
	}
	for _, list := range [][]view.Series{chart.Series, chart.Overlays} {
		for _, s := range list {
			for _, p := range s.Points {
				if math.IsInf(p.X, 0) || math.IsNaN(p.X) || chart.XScale == view.Log && p.X <= 0 {
					return fmt.Errorf("%s: x = %v cannot be placed on the scale", s.Label, p.X)
				}
			}
		}
	}
	return nil
}

func newDrawing(chart view.Chart) (*drawing, error) {
	d := &drawing{
		chart:     chart,
		footnotes: chart.Warnings,
		entered:   map[int]bool{},
		xs:        nothing(),
		ys:        nothing(),
		values:    nothing(),
	}
	d.ys.positive = chart.Figure.YScale == view.Log
	d.values.positive = d.ys.positive
	d.xs.positive = chart.XScale == view.Log
	if err := checkValues(chart); err != nil {
		return nil, err
	}
	d.units()
	d.assignLooks()
	names := chart.Panels
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		d.now = &panel{name: name, plot: plot.New()}
		d.panels = append(d.panels, d.now)
		d.now.marks = d.fill()
	}
	if d.ys.empty() {
		return nil, errors.New("every run diverged or was not measured: there is no value to draw")
	}
	d.cutIntervals()
	d.closeLegend()
	for _, p := range d.panels {
		d.now = p
		d.axes()
		p.grid = &later{d.background()}
		p.plot.Add(p.grid)
		p.plot.Add(p.marks...)
		p.plot.Add(p.failures...)
		if chart.Figure.Kind != view.HeatMap { // its cells have edges
			p.plot.Add(frame{stroke(faint(), 0.8)}, d.breaks())
		}
	}
	return d, nil
}

// fill makes the marks of the current panel.
func (d *drawing) fill() []plot.Plotter {
	switch d.chart.Figure.Kind {
	case view.Line:
		return d.lines()
	case view.Bar:
		return d.bars()
	case view.StackedBar:
		return d.stacks()
	case view.HeatMap:
		return d.cells()
	case view.Frontier:
		return d.frontier()
	}
	return nil
}

// faceted reports whether there are several small data areas, or one that is
// named like them.
func (d *drawing) faceted() bool { return len(d.chart.Panels) > 0 }

// here reports whether the current panel shows a series.
func (d *drawing) here(s view.Series) bool { return s.Panel == "" || s.Panel == d.now.name }

// assignLooks gives baselines and series their looks. Series of several panels
// that are named alike are one, and look the same.
func (d *drawing) assignLooks() {
	type name struct {
		baseline            bool
		label, method, kind string
	}
	var names []name
	var distinct []view.Series
	var index []int
	for i, s := range slices.Concat(d.chart.Baselines, d.chart.Series) {
		n := name{i < len(d.chart.Baselines), s.Label, s.Method, s.Kind}
		known := slices.Index(names, n)
		if known < 0 || !d.faceted() {
			known = len(names)
			names, distinct = append(names, n), append(distinct, s)
		}
		index = append(index, known)
	}
	all := looks(distinct)
	for _, known := range index {
		l := all[known]
		l.place = known
		d.looks = append(d.looks, l)
	}
}

func (d *drawing) baselineLook(i int) look { return d.looks[i] }
func (d *drawing) seriesLook(i int) look   { return d.looks[len(d.chart.Baselines)+i] }

// enter adds a sample of a series to the legend, once for all panels.
func (d *drawing) enter(l look, label string, thumb plot.Thumbnailer) {
	if d.faceted() && d.entered[l.place] {
		return
	}
	d.entered[l.place] = true
	d.legend.entries = append(d.legend.entries, entry{label: label, thumb: thumb, place: l.place})
}

// closeLegend puts series in the order of the chart, whichever panel shows them
// first, and explains the triangle, if there is one.
func (d *drawing) closeLegend() {
	slices.SortStableFunc(d.legend.entries, func(a, b entry) int { return a.place - b.place })
	if slices.ContainsFunc(d.panels, func(p *panel) bool { return len(p.failures) > 0 }) {
		d.legend.add("diverged", failure{colour: faint()})
	}
}

// units picks KiB, MiB or GiB by the largest value of a column of bytes, and s,
// min or h by that of one of times.
func (d *drawing) units() {
	shown, kind := d.chart.Y, d.chart.Figure.Kind
	if kind == view.HeatMap {
		shown = d.chart.Z
	}
	largestX, largestY := 0.0, 0.0
	totals := map[float64]float64{} // per x, for stacks
	for _, s := range d.chart.Series {
		for _, p := range s.Points {
			largestX = max(largestX, p.X)
			if math.IsNaN(p.Y) {
				continue
			}
			largestY = max(largestY, p.Y)
			if totals[p.X] += p.Y; shown.Kind == view.Bytes && kind != view.HeatMap && kind != view.Frontier {
				largestY = max(largestY, totals[p.X])
			}
		}
	}
	d.scale, d.unit = unitOf(shown, largestY)
	d.xscale, d.xunit = 1, d.chart.X.Unit
	if d.chart.XScale != view.Category {
		d.xscale, d.xunit = unitOf(d.chart.X, largestX)
	}
}

// unitOf returns the unit in which values of a column up to the largest are
// drawn, and its size.
func unitOf(c view.Column, largest float64) (size float64, unit string) {
	switch {
	case c.Kind == view.Bytes && largest >= 4<<30:
		return 1 << 30, "GiB"
	case c.Kind == view.Bytes && largest >= 1<<20:
		return 1 << 20, "MiB"
	case c.Kind == view.Bytes:
		return 1 << 10, "KiB"
	case c.Kind == view.Seconds && largest >= 2*3600:
		return 3600, "h"
	case c.Kind == view.Seconds && largest >= 300:
		return 60, "min"
	}
	return 1, c.Unit
}

func (d *drawing) dot(p view.Point) dot {
	return dot{x: p.X / d.xscale, y: p.Y / d.scale, lo: p.Lo / d.scale, hi: p.Hi / d.scale}
}

// seeX lets the x axis cover a value, and remembers it for the ticks.
func (d *drawing) seeX(x float64) {
	d.xs.add(x)
	if !slices.Contains(d.xticks, x) {
		d.xticks = append(d.xticks, x)
	}
}

// see lets the axes cover a dot and its interval.
func (d *drawing) see(at dot) {
	d.seeY(at.y)
	d.ys.add(at.lo)
	d.ys.add(at.hi)
}

func (d *drawing) seeY(v float64) {
	d.ys.add(v)
	d.values.add(v)
}

// cutIntervals keeps intervals from squeezing the values on a log axis: an end close
// to zero is decades away. What reaches further than twice the largest or half the
// smallest value ends at the frame.
func (d *drawing) cutIntervals() {
	if !d.ys.positive || d.values.empty() {
		return
	}
	lo, hi := max(d.ys.lo, d.values.lo/2), min(d.ys.hi, d.values.hi*2)
	if lo > d.ys.lo || hi < d.ys.hi {
		d.footnotes = append(slices.Clone(d.footnotes), beyondNote)
	}
	d.ys.lo, d.ys.hi = lo, hi
}

// fail marks a point of which runs diverged, at the top of the figure, below
// the marks that are there for the same x.
func (d *drawing) fail(x float64, colour color.NRGBA) {
	row := 0
	for _, f := range d.now.failures {
		if other := f.(failure); math.IsNaN(other.y) && math.Abs(other.x-x) < 1e-9 {
			row++
		}
	}
	d.now.failures = append(d.now.failures, failure{x: x, y: math.NaN(), row: row, colour: colour})
}

// footnote adds a note in front of the warnings, once.
func (d *drawing) footnote(text string) {
	if !slices.Contains(d.footnotes, text) {
		d.footnotes = append([]string{text}, d.footnotes...)
	}
}

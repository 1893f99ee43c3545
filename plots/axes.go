package plots

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"ranklab/harness/view"
)

// axes sets ranges, scales, ticks and labels of the current panel.
func (d *drawing) axes() {
	f, p := d.chart.Figure, d.now.plot
	bars := f.Kind == view.Bar || f.Kind == view.StackedBar
	p.BackgroundColor = color.White
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle = centred(letters(labelSize, ink()), a.Label.TextStyle)
		a.Tick.Label = centred(letters(tickSize, ink()), a.Tick.Label)
		a.LineStyle.Width = 0 // the frame draws it
		a.Tick.LineStyle = stroke(faint(), 0.8)
		a.Tick.Length = vg.Points(4)
		a.Padding = 0
	}
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(4), vg.Points(6)
	p.X.Label.Text, p.Y.Label.Text = d.xTitle(), d.yTitle()

	switch d.chart.XScale {
	case view.Category:
		categoryAxis(&p.X, d.chart.Categories, 4)
	case view.Log:
		logAxis(&p.X, d.xs, 0.04)
	default:
		linearAxis(&p.X, d.xs, false, 0.03, 6)
	}
	if d.chart.XScale != view.Category {
		d.ticksAtData(&p.X)
	}
	switch {
	case f.Kind == view.HeatMap:
		categoryAxis(&p.Y, d.chart.YCategories, 0)
		if f.Y == "method" || f.Y == "kind" || f.Y == "label" { // a list, read from the top
			p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
		}
	case f.YScale == view.Log:
		logAxis(&p.Y, d.ys, 0.06)
	default:
		linearAxis(&p.Y, d.ys, bars, 0.07, 6)
	}
}

func (d *drawing) xTitle() string {
	f := d.chart.Figure
	if f.XLabel != "" {
		return f.XLabel
	}
	if d.chart.XScale == view.Category && (f.X == "method" || f.X == "label") {
		return "" // the names say what they are
	}
	x := d.chart.X
	x.Unit = d.xunit
	return x.Title()
}

func (d *drawing) yTitle() string {
	f := d.chart.Figure
	if f.YLabel != "" {
		return f.YLabel
	}
	y := d.chart.Y
	if f.Kind == view.HeatMap {
		if f.Y == "method" || f.Y == "label" {
			return ""
		}
		return y.Title()
	}
	y.Unit = d.unit
	return y.Title()
}

// centred keeps the alignment that gonum/plot gave to a style of an axis.
func centred(s, old text.Style) text.Style {
	s.XAlign, s.YAlign, s.Rotation = old.XAlign, old.YAlign, old.Rotation
	return s
}

// categoryAxis gives each category a slot; with fewer than least, the slots
// leave room at both ends, so that few bars do not grow fat.
func categoryAxis(a *plot.Axis, names []string, least float64) {
	n := float64(len(names))
	half := max(n, least) / 2
	a.Min, a.Max = (n-1)/2-half, (n-1)/2+half
	a.Tick.Marker = plot.ConstantTicks(categoryTicks(names))
	a.Tick.LineStyle.Color = color.White // a distance, not a mark
}

// linearAxis covers an extent with a margin on both sides. An axis of bars
// starts at zero, and one whose values start near zero does too.
func linearAxis(a *plot.Axis, e extent, fromZero bool, margin float64, n int) {
	span := e.hi - e.lo
	if span == 0 {
		span = max(math.Abs(e.hi), 1)
	}
	a.Min, a.Max = e.lo-margin*span, e.hi+margin*span
	if fromZero || e.lo >= 0 && a.Min < 0 {
		a.Min = min(0, e.lo)
	}
	a.Tick.Marker = plot.ConstantTicks(linearTicks(a.Min, a.Max, n))
}

func logAxis(a *plot.Axis, e extent, margin float64) {
	factor := math.Pow(e.hi/e.lo, margin)
	if e.hi == e.lo || math.IsInf(factor, 0) {
		factor = 1.5
	}
	a.Min, a.Max = e.lo/factor, e.hi*factor
	a.Scale = plot.LogScale{}
	a.Tick.Marker = plot.ConstantTicks(logTicks(a.Min, a.Max))
}

// ticksAtData puts the ticks of the x axis at the values of the data, where
// these are settings and few: a rank of 16 is read off at 16. Values behind the
// numbers have their names there.
func (d *drawing) ticksAtData(a *plot.Axis) {
	slices.Sort(d.xticks)
	settings := !d.chart.Figure.Along() && d.chart.Figure.Kind != view.Frontier && len(d.xticks) <= 10+len(d.chart.Beyond)
	if !settings && len(d.chart.Beyond) == 0 {
		return
	}
	var ticks []plot.Tick
	if !settings {
		last := d.lastNumber()
		ticks = slices.DeleteFunc(a.Tick.Marker.Ticks(a.Min, a.Max), func(t plot.Tick) bool { return t.Value > last })
	}
	for _, x := range d.xticks {
		name, beyond := d.chart.IsBeyond(x)
		if !beyond && !settings {
			continue
		}
		label := view.Format(x)
		switch {
		case beyond:
			label = name
		case x == math.Trunc(x) && math.Abs(x) < 1000: // 80, not 80.0
		case d.chart.X.Kind == view.Count || d.chart.X.Kind == view.Bytes || d.chart.X.Kind == view.Seconds:
			label = valueLabel(x)
		}
		ticks = append(ticks, plot.Tick{Value: x, Label: label})
	}
	a.Tick.Marker = plot.ConstantTicks(ticks)
}

// lastNumber returns the largest x that is a number.
func (d *drawing) lastNumber() float64 {
	last := math.Inf(-1)
	for _, x := range d.xticks {
		if _, beyond := d.chart.IsBeyond(x); !beyond {
			last = max(last, x)
		}
	}
	return last
}

// background returns a light grid; categories have no vertical lines, and the
// cells of a heat map are their own.
func (d *drawing) background() plot.Plotter {
	g := plotter.NewGrid()
	g.Horizontal = stroke(grid(), 0.7)
	g.Vertical = stroke(grid(), 0.7)
	if d.chart.XScale == view.Category {
		g.Vertical.Width = 0
	}
	if d.chart.Figure.Kind == view.HeatMap {
		g.Horizontal.Width = 0
	}
	return g
}

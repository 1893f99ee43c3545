package plots

import (
	"errors"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
)

// A drawing is a chart with everything decided but the place on the page.
type drawing struct {
	chart     view.Chart
	plot      *plot.Plot
	legend    legend
	footnotes []string

	scale float64 // a value is divided by this before it is drawn
	unit  string  // unit of the y axis
	xs    extent
	ys    extent

	xticks   []float64      // values of x in the data
	failures []plot.Plotter // marks of divergence
}

// intervalNote explains whiskers and bands.
const intervalNote = "intervals: 95 % confidence in the mean over seeds (Student t)"

// An extent is the range of values seen on an axis.
type extent struct{ lo, hi float64 }

func (e *extent) add(v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		e.lo, e.hi = min(e.lo, v), max(e.hi, v)
	}
}

func (e extent) empty() bool { return e.lo > e.hi }

func newDrawing(chart view.Chart) (*drawing, error) {
	d := &drawing{
		chart:     chart,
		plot:      plot.New(),
		footnotes: chart.Warnings,
		xs:        extent{math.Inf(1), math.Inf(-1)},
		ys:        extent{math.Inf(1), math.Inf(-1)},
	}
	d.units()

	var marks []plot.Plotter
	switch chart.Figure.Kind {
	case view.Line:
		marks = d.lines()
	case view.Bar:
		marks = d.bars()
	case view.StackedBar:
		marks = d.stacks()
	}
	if d.ys.empty() {
		return nil, errors.New("every run diverged or was not measured: there is no value to draw")
	}
	d.axes()
	d.plot.Add(d.background())
	d.plot.Add(marks...)
	d.plot.Add(d.failures...)
	d.plot.Add(frame{stroke(faint(), 0.8)})
	return d, nil
}

// units picks KiB, MiB or GiB by the largest value of a column of bytes.
func (d *drawing) units() {
	d.scale, d.unit = 1, d.chart.Y.Unit
	if d.chart.Y.Kind != view.Bytes {
		return
	}
	largest := 0.0
	totals := map[float64]float64{} // per x, for stacks
	for _, s := range d.chart.Series {
		for _, p := range s.Points {
			if !math.IsNaN(p.Y) {
				totals[p.X] += p.Y
				largest = max(largest, p.Y, totals[p.X])
			}
		}
	}
	switch {
	case largest >= 4<<30:
		d.scale, d.unit = 1<<30, "GiB"
	case largest >= 1<<20:
		d.scale, d.unit = 1<<20, "MiB"
	default:
		d.scale, d.unit = 1<<10, "KiB"
	}
}

func (d *drawing) dot(p view.Point) dot {
	return dot{x: p.X, y: p.Y / d.scale, lo: p.Lo / d.scale, hi: p.Hi / d.scale}
}

// seeX lets the x axis cover a value, and remembers it for the ticks.
func (d *drawing) seeX(x float64) {
	d.xs.add(x)
	if !slices.Contains(d.xticks, x) {
		d.xticks = append(d.xticks, x)
	}
}

// fail marks a point of which runs diverged, at the top of the figure, below
// the marks that are there for the same x.
func (d *drawing) fail(x float64, colour color.NRGBA) {
	row := 0
	for _, f := range d.failures {
		if other := f.(failure); math.IsNaN(other.y) && math.Abs(other.x-x) < 1e-9 {
			row++
		}
	}
	d.failures = append(d.failures, failure{x: x, y: math.NaN(), row: row, colour: colour})
}

// addFailureEntry explains the triangle, if there is one.
func (d *drawing) addFailureEntry() {
	if len(d.failures) > 0 {
		d.legend.add("diverged", failure{colour: faint()})
	}
}

// axes sets ranges, scales, ticks and labels.
func (d *drawing) axes() {
	f := d.chart.Figure
	bars := f.Kind != view.Line
	d.plot.BackgroundColor = color.White
	for _, a := range []*plot.Axis{&d.plot.X, &d.plot.Y} {
		a.Label.TextStyle = centred(letters(labelSize, ink()), a.Label.TextStyle)
		a.Tick.Label = centred(letters(tickSize, ink()), a.Tick.Label)
		a.LineStyle.Width = 0 // the frame draws it
		a.Tick.LineStyle = stroke(faint(), 0.8)
		a.Tick.Length = vg.Points(4)
		a.Padding = 0
	}
	d.plot.X.Label.Padding, d.plot.Y.Label.Padding = vg.Points(4), vg.Points(6)
	d.plot.X.Label.Text = orDefault(f.XLabel, d.chart.X.Title())
	d.plot.Y.Label.Text = f.YLabel
	if f.YLabel == "" {
		y := d.chart.Y
		y.Unit = d.unit
		d.plot.Y.Label.Text = y.Title()
	}

	switch d.chart.XScale {
	case view.Category:
		n := float64(len(d.chart.Categories))
		half := max(n, 4) / 2 // few bars do not grow fat
		d.plot.X.Min, d.plot.X.Max = (n-1)/2-half, (n-1)/2+half
		d.plot.X.Tick.Marker = plot.ConstantTicks(categoryTicks(d.chart.Categories))
		d.plot.X.Tick.LineStyle.Color = color.White // a distance, not a mark
		if f.XLabel == "" && (f.X == "method" || f.X == "label") {
			d.plot.X.Label.Text = "" // the names say what they are
		}
	case view.Log:
		logAxis(&d.plot.X, d.xs, 0.04)
	default:
		linearAxis(&d.plot.X, d.xs, false, 0.03, 6)
	}
	if d.chart.XScale != view.Category {
		d.ticksAtData(&d.plot.X)
	}
	if f.YScale == view.Log {
		logAxis(&d.plot.Y, d.ys, 0.06)
	} else {
		linearAxis(&d.plot.Y, d.ys, bars, 0.07, 6)
	}
}

// centred keeps the alignment that gonum/plot gave to a style of an axis.
func centred(s, old text.Style) text.Style {
	s.XAlign, s.YAlign, s.Rotation = old.XAlign, old.YAlign, old.Rotation
	return s
}

func orDefault(s, other string) string {
	if s == "" {
		return other
	}
	return s
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
	if e.hi == e.lo {
		factor = 1.5
	}
	a.Min, a.Max = e.lo/factor, e.hi*factor
	a.Scale = plot.LogScale{}
	a.Tick.Marker = plot.ConstantTicks(logTicks(a.Min, a.Max))
}

// ticksAtData puts the ticks of the x axis at the values of the data, where
// these are settings, few, and far enough apart: a rank of 16 is read off at 16.
func (d *drawing) ticksAtData(a *plot.Axis) {
	if view.IsCurve(d.chart.Figure.X) || len(d.xticks) > 10 {
		return
	}
	slices.Sort(d.xticks)
	var ticks []plot.Tick
	for i, x := range d.xticks {
		if i > 0 && a.Norm(x)-a.Norm(d.xticks[i-1]) < 0.06 {
			return
		}
		label := view.Format(x)
		if d.chart.X.Kind == view.Count {
			label = valueLabel(x)
		}
		ticks = append(ticks, plot.Tick{Value: x, Label: label})
	}
	a.Tick.Marker = plot.ConstantTicks(ticks)
}

// background returns a light grid; categories have no vertical lines.
func (d *drawing) background() plot.Plotter {
	g := plotter.NewGrid()
	g.Horizontal = stroke(grid(), 0.7)
	g.Vertical = stroke(grid(), 0.7)
	if d.chart.XScale == view.Category {
		g.Vertical.Width = 0
	}
	return g
}

// Distances on the page.
const (
	margin     = 10
	titleGap   = 8
	noteGap    = 7
	legendGap  = 14
	legendPart = 0.32 // of the width, at most
)

func (d *drawing) title() (text.Style, string) {
	s := bold(letters(titleSize, ink()))
	s.YAlign = text.YTop
	return s, wrap(s, d.chart.Figure.Title, width-vg.Points(2*margin))
}

func (d *drawing) note() (text.Style, string) {
	s := letters(footnoteSize, faint())
	return s, wrap(s, strings.Join(d.footnotes, " · "), width-vg.Points(2*margin))
}

// height returns the height of a page on which the legend fits.
func (d *drawing) height() vg.Length {
	d.legend.fit(legendPart * (width - vg.Points(2*margin)))
	need := vg.Points(2*margin) + d.legend.height()
	if s, title := d.title(); title != "" {
		need += s.Height(title) + vg.Points(titleGap)
	}
	if s, note := d.note(); note != "" {
		need += s.Height(note) + vg.Points(noteGap)
	}
	return max(minHeight, need)
}

// layOut puts title, data area, legend and footnotes on the page. Each has a
// strip of its own, so that none can cover another.
func (d *drawing) layOut(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	edge := vg.Points(margin)
	c = draw.Crop(c, edge, -edge, edge, -edge)

	if s, title := d.title(); title != "" {
		c.FillText(s, vg.Point{X: c.Min.X, Y: c.Max.Y}, title)
		c.Max.Y -= s.Height(title) + vg.Points(titleGap)
	}
	if s, note := d.note(); note != "" {
		c.FillText(s, vg.Point{X: c.Min.X, Y: c.Min.Y + s.FontExtents().Descent}, note)
		c.Min.Y += s.Height(note) + vg.Points(noteGap)
	}
	if len(d.legend.entries) > 0 {
		strip := c
		strip.Min.X = c.Max.X - d.legend.width()
		c.Max.X = strip.Min.X - vg.Points(legendGap)
		d.legend.draw(strip)
	}
	d.plot.Draw(d.fitCategories(c))
}

// fitCategories makes the names of categories fit: broken between words where
// that is enough, else slanted. It returns the canvas for the plot, which is
// narrower when a slanted name reaches out to the left.
func (d *drawing) fitCategories(c draw.Canvas) draw.Canvas {
	n := len(d.chart.Categories)
	if n == 0 {
		return c
	}
	axis := &d.plot.X
	data := d.plot.DataCanvas(c)
	slot := data.Size().X / vg.Length(axis.Max-axis.Min)
	ticks := categoryTicks(d.chart.Categories)
	fits := true
	for i := range ticks {
		ticks[i].Label = wrap(axis.Tick.Label, ticks[i].Label, slot-vg.Points(8))
		fits = fits && axis.Tick.Label.Width(ticks[i].Label) <= slot-vg.Points(4) && strings.Count(ticks[i].Label, "\n") < 3
	}
	if fits {
		axis.Tick.Marker = plot.ConstantTicks(ticks)
		return c
	}
	const angle = math.Pi / 6
	axis.Tick.Label.Rotation = angle
	axis.Tick.Label.XAlign = text.XRight
	axis.Tick.Label.YAlign = text.YCenter
	axis.Tick.Length = vg.Points(9)
	reach := vg.Length(0)
	for i, name := range d.chart.Categories {
		left := axis.Tick.Label.Width(name)*vg.Length(math.Cos(angle)) + vg.Points(4)
		reach = max(reach, left-(data.Min.X-c.Min.X)-(vg.Length(i)+0.5)*slot)
	}
	c.Min.X += reach
	return c
}

// valueLabel writes a number over a bar, or a count at a tick, with three
// significant digits.
func valueLabel(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits < 0 {
		unit := math.Pow(10, float64(-digits))
		return tickLabel(math.Round(v/unit)*unit, 0)
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

package plots

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
)

// Distances on the page.
const (
	margin     = 10
	titleGap   = 8
	noteGap    = 7
	legendGap  = 14
	legendPart = 0.32 // of the width, at most
)

// inside is the width between the margins.
const inside = width - 2*margin

func (d *drawing) title() (text.Style, string) {
	s := bold(letters(titleSize, ink()))
	s.YAlign = text.YTop
	return s, wrap(s, d.chart.Figure.Title, inside)
}

func (d *drawing) note() (text.Style, string) {
	s := letters(footnoteSize, faint())
	return s, wrap(s, strings.Join(d.footnotes, " · "), inside)
}

// height returns the height of a page on which everything fits.
func (d *drawing) height() vg.Length {
	need := vg.Points(2 * margin)
	if s, title := d.title(); title != "" {
		need += s.Height(title) + vg.Points(titleGap)
	}
	if s, note := d.note(); note != "" {
		need += s.Height(note) + vg.Points(noteGap)
	}
	switch {
	case d.faceted():
		return need + d.legend.flowHeight(inside) + d.gridHeight()
	case d.chart.Figure.Kind == view.HeatMap:
		return max(heatMinHeight, need+vg.Points(45)+vg.Length(len(d.chart.YCategories))*cellHeight)
	}
	d.legend.fit(legendPart * inside)
	return max(minHeight, need+d.legend.height())
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
	if d.bar != nil {
		strip := c
		d.bar.title = wrap(letters(labelSize, ink()), d.bar.title, c.Size().Y-vg.Points(axisRoom+titleRoom))
		strip.Min.X = c.Max.X - d.bar.width()
		c.Max.X = strip.Min.X - vg.Points(legendGap)
		d.bar.strip = strip
	}
	if d.faceted() {
		c.Max.Y -= d.legend.flow(c)
		d.layOutPanels(c)
		return
	}
	if len(d.legend.entries) > 0 {
		strip := c
		strip.Min.X = c.Max.X - d.legend.width()
		c.Max.X = strip.Min.X - vg.Points(legendGap)
		d.legend.draw(strip)
	}
	p := d.panels[0].plot
	c = fitCategories(p, d.chart.Categories, c)
	data := p.DataCanvas(c)
	if d.chart.XScale != view.Category {
		thin(&p.X, data.Size().X)
	}
	p.Draw(c)
	d.bar.draw(data)
}

// fitCategories makes the names of categories fit: broken between words where
// that is enough, else slanted. It returns the canvas for the plot, which is
// narrower when a slanted name reaches out to the left.
func fitCategories(p *plot.Plot, names []string, c draw.Canvas) draw.Canvas {
	if len(names) == 0 {
		return c
	}
	axis := &p.X
	data := p.DataCanvas(c)
	slot := data.Size().X / vg.Length(axis.Max-axis.Min)
	if fitSlots(axis, names, slot) {
		return c
	}
	reach := vg.Length(0)
	for i, name := range names {
		left := axis.Tick.Label.Width(name)*vg.Length(math.Cos(slant)) + vg.Points(4)
		reach = max(reach, left-(data.Min.X-c.Min.X)-(vg.Length(i)+0.5)*slot)
	}
	c.Min.X += reach
	return c
}

// slant is the angle of names that do not fit otherwise.
const slant = math.Pi / 6

// fitSlots breaks names so that they fit into their slots, or slants them and
// reports false.
func fitSlots(axis *plot.Axis, names []string, slot vg.Length) bool {
	ticks := categoryTicks(names)
	fits := true
	for i := range ticks {
		ticks[i].Label = wrap(axis.Tick.Label, ticks[i].Label, slot-vg.Points(8))
		fits = fits && axis.Tick.Label.Width(ticks[i].Label) <= slot-vg.Points(4) && strings.Count(ticks[i].Label, "\n") < 3
	}
	if fits {
		axis.Tick.Marker = plot.ConstantTicks(ticks)
		return true
	}
	axis.Tick.Marker = plot.ConstantTicks(categoryTicks(names))
	axis.Tick.Label.Rotation = slant
	axis.Tick.Label.XAlign = text.XRight
	axis.Tick.Label.YAlign = text.YCenter
	axis.Tick.Length = vg.Points(9)
	return false
}

// thin takes the labels of a horizontal axis away that would touch others.
// Round ones stay before others.
func thin(axis *plot.Axis, width vg.Length) {
	ticks := append([]plot.Tick(nil), axis.Tick.Marker.Ticks(axis.Min, axis.Max)...)
	type span struct{ from, to vg.Length }
	var taken []span
	for round := range 3 {
		for i, t := range ticks {
			if t.Label == "" || roundness(t) != round {
				continue
			}
			half := axis.Tick.Label.Width(t.Label)/2 + vg.Points(2)
			at := vg.Length(axis.Norm(t.Value)) * width
			free := true
			for _, s := range taken {
				free = free && (at+half <= s.from || at-half >= s.to)
			}
			if free {
				taken = append(taken, span{at - half, at + half})
			} else {
				ticks[i].Label = ""
			}
		}
	}
	axis.Tick.Marker = plot.ConstantTicks(ticks)
}

// roundness orders labels: names and powers of ten, then twice and five times
// them, then the rest.
func roundness(t plot.Tick) int {
	digits := strings.Trim(strconv.FormatFloat(math.Abs(t.Value), 'e', -1, 64), "+-")
	mantissa, _, _ := strings.Cut(digits, "e")
	switch {
	case mantissa == "1" || t.Label[0] > '9':
		return 0
	case mantissa == "2" || mantissa == "5":
		return 1
	}
	return 2
}

// valueLabel writes a number over a bar, or a count at a tick, with three
// significant digits.
func valueLabel(v float64) string { return significant(v, 3) }

// significant writes a number with n significant digits.
func significant(v float64, n int) string {
	if v == 0 {
		return "0"
	}
	digits := n - 1 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits < 0 {
		unit := math.Pow(10, float64(-digits))
		return tickLabel(math.Round(v/unit)*unit, 0)
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

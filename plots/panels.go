package plots

import (
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
)

// Measures of the small panels of a figure with facets.
const (
	panelHeight = 1.75 * vg.Inch // of a data area
	panelGapX   = 12
	panelGapY   = 10
	axisRoom    = 20 // below the panels, for ticks
	titleRoom   = 20 // and for the title of the axis
)

// panelGrid returns how many panels stand beside and above each other.
func panelGrid(n int) (columns, rows int) {
	columns = 3
	switch {
	case n <= 2:
		columns = n
	case n == 4:
		columns = 2
	case n > 9:
		columns = 4
	}
	return columns, (n + columns - 1) / columns
}

// gridHeight returns the height of all panels with their names and axes.
func (d *drawing) gridHeight() vg.Length {
	_, rows := panelGrid(len(d.panels))
	each := panelHeight
	if d.chart.Figure.Kind == view.HeatMap {
		each = max(1.1*vg.Inch, vg.Length(len(d.chart.YCategories))*0.75*cellHeight)
	}
	room := vg.Points(axisRoom)
	if d.xTitle() != "" {
		room += vg.Points(titleRoom)
	}
	return vg.Length(rows)*(each+d.nameHeight()+vg.Points(panelGapY)) + room
}

func panelName() text.Style {
	s := bold(letters(tickSize, ink()))
	s.XAlign, s.YAlign = text.XCenter, text.YBottom
	return s
}

// panelNames breaks the names of the panels to the width of a column.
func (d *drawing) panelNames() []string {
	columns, _ := panelGrid(len(d.panels))
	names := make([]string, len(d.panels))
	for i, p := range d.panels {
		names[i] = wrap(panelName(), p.name, inside/vg.Length(columns)-vg.Points(40))
	}
	return names
}

func (d *drawing) nameHeight() vg.Length {
	tallest := vg.Length(0)
	for _, name := range d.panelNames() {
		tallest = max(tallest, panelName().Height(name))
	}
	return tallest + vg.Points(4)
}

// layOutPanels puts the panels on a grid. Ranges are shared, so ticks stand at
// the left and at the lower edge only, and the axes have one title each.
func (d *drawing) layOutPanels(c draw.Canvas) {
	columns, rows := panelGrid(len(d.panels))
	name := panelName()
	names, nameHeight := d.panelNames(), d.nameHeight()

	first := d.panels[0].plot
	title := first.Y.Label.TextStyle
	title.Rotation += math.Pi / 2
	yTitle, xTitle := first.Y.Label.Text, first.X.Label.Text
	whole := c
	if yTitle != "" {
		c.Min.X += first.Y.Label.TextStyle.Height(yTitle) + vg.Points(5)
	}
	if xTitle != "" {
		c.Min.Y += first.X.Label.TextStyle.Height(xTitle) + vg.Points(4)
	}
	gapX, gapY := vg.Points(panelGapX), vg.Points(panelGapY)
	// Ticks depend on the size of a panel, and this on the room they take.
	left, bottom := vg.Points(30), vg.Points(18)
	var w, h vg.Length
	for range 2 {
		w = (c.Size().X - left - vg.Length(columns-1)*gapX) / vg.Length(columns)
		h = (c.Size().Y - bottom - vg.Length(rows)*(nameHeight+gapY) + gapY) / vg.Length(rows)
		for _, p := range d.panels {
			d.tickPanel(p.plot, w, h)
		}
		data := first.DataCanvas(c)
		left, bottom = data.Min.X-c.Min.X, data.Min.Y-c.Min.Y
	}
	if w < vg.Points(20) || h < vg.Points(20) {
		panic("the labels of the axes leave no room for the panels")
	}

	area := draw.Canvas{Canvas: c.Canvas} // all data areas
	for i, p := range d.panels {
		column, row := i%columns, i/columns
		data := c
		data.Min.X = c.Min.X + left + vg.Length(column)*(w+gapX)
		data.Max.X = data.Min.X + w
		data.Max.Y = c.Max.Y - nameHeight - vg.Length(row)*(h+nameHeight+gapY)
		data.Min.Y = data.Max.Y - h
		grid := &gridLines{style: stroke(grid(), 0.7), x: p.plot.X.Tick.Marker, y: p.plot.Y.Tick.Marker}
		if d.chart.XScale == view.Category {
			grid.x = nil
		}
		if d.chart.Figure.Kind == view.HeatMap {
			grid.y = nil
		}
		p.grid.Plotter = grid
		canvas := data
		if column == 0 {
			canvas.Min.X -= left
		} else {
			p.plot.Y.Tick.Marker = plot.ConstantTicks(nil)
		}
		if i+columns >= len(d.panels) {
			canvas.Min.Y -= bottom
		} else {
			p.plot.X.Tick.Marker = plot.ConstantTicks(nil)
		}
		p.plot.Draw(around(p.plot, data, canvas))
		c.FillText(name, vg.Point{X: data.Center().X, Y: data.Max.Y + vg.Points(4)}, names[i])
		if i == 0 {
			area.Rectangle = data.Rectangle
		}
		area.Max.X, area.Min.Y = max(area.Max.X, data.Max.X), min(area.Min.Y, data.Min.Y)
	}
	if yTitle != "" {
		baseline := whole.Min.X + first.Y.Label.TextStyle.Height(yTitle) - title.FontExtents().Descent
		c.FillText(title, vg.Point{X: baseline, Y: area.Center().Y}, yTitle)
	}
	if xTitle != "" {
		s := first.X.Label.TextStyle
		c.FillText(s, vg.Point{X: area.Center().X, Y: whole.Min.Y + s.FontExtents().Descent}, xTitle)
	}
	d.bar.draw(area)
}

// around returns the canvas on which the data area of a plot is the given one.
// Labels that reach out at the ends of an axis would make it smaller otherwise.
func around(p *plot.Plot, data, canvas draw.Canvas) draw.Canvas {
	for range 4 {
		got := p.DataCanvas(canvas)
		canvas.Min.X -= got.Min.X - data.Min.X
		canvas.Max.X += data.Max.X - got.Max.X
		canvas.Min.Y -= got.Min.Y - data.Min.Y
		canvas.Max.Y += data.Max.Y - got.Max.Y
	}
	return canvas
}

// tickPanel chooses the ticks of a panel whose data area has a size.
func (d *drawing) tickPanel(p *plot.Plot, w, h vg.Length) {
	p.X.Label.Text, p.Y.Label.Text = "", ""
	p.BackgroundColor = nil
	count := func(room, each vg.Length) int { return min(6, max(2, int(room/each))) }
	switch d.chart.XScale {
	case view.Category:
		for _, size := range []float64{tickSize, tickSize - 1, tickSize - 2} {
			s := letters(size, ink())
			s.XAlign, s.YAlign = text.XCenter, text.YTop
			p.X.Tick.Label, p.X.Tick.Length = s, vg.Points(4)
			if fitSlots(&p.X, d.chart.Categories, w/vg.Length(p.X.Max-p.X.Min)) {
				break
			}
		}
	case view.Log:
		p.X.Tick.Marker = plot.ConstantTicks(logTicks(p.X.Min, p.X.Max))
	default:
		p.X.Tick.Marker = plot.ConstantTicks(linearTicks(p.X.Min, p.X.Max, count(w, vg.Points(32))))
	}
	if d.chart.XScale != view.Category {
		d.ticksAtData(&p.X)
		thin(&p.X, w)
	}
	if d.chart.Figure.Kind == view.HeatMap {
		return
	}
	if d.chart.Figure.YScale == view.Log {
		p.Y.Tick.Marker = plot.ConstantTicks(logTicks(p.Y.Min, p.Y.Max))
	} else {
		p.Y.Tick.Marker = plot.ConstantTicks(linearTicks(p.Y.Min, p.Y.Max, count(h, vg.Points(26))))
	}
}

// gridLines is a grid whose lines do not depend on which ticks an axis shows.
type gridLines struct {
	style draw.LineStyle
	x, y  plot.Ticker // nil: none
}

// Plot implements [plot.Plotter].
func (g *gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	if g.x != nil {
		for _, t := range g.x.Ticks(p.X.Min, p.X.Max) {
			if strings.TrimSpace(t.Label) != "" {
				c.StrokeLine2(g.style, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
			}
		}
	}
	if g.y != nil {
		for _, t := range g.y.Ticks(p.Y.Min, p.Y.Max) {
			if strings.TrimSpace(t.Label) != "" {
				c.StrokeLine2(g.style, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
			}
		}
	}
}

// A later plotter is added before it is known what it draws.
type later struct{ plot.Plotter }

// Plot implements [plot.Plotter].
func (l *later) Plot(c draw.Canvas, p *plot.Plot) {
	if l.Plotter != nil {
		l.Plotter.Plot(c, p)
	}
}

package plots

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Each type below is one kind of mark on the data area. All draw inside the
// canvas they are given and clip what reaches out of it.

// A dot is one point of a line in data coordinates.
type dot struct{ x, y, lo, hi float64 }

func (d dot) hasInterval() bool { return !math.IsNaN(d.lo) && !math.IsNaN(d.hi) }

// A band fills the intervals along a line.
type band struct {
	dots   []dot
	colour color.NRGBA
}

// Plot implements [plot.Plotter].
func (b band) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var upper, lower []vg.Point
	for _, d := range b.dots {
		if !d.hasInterval() {
			continue
		}
		upper = append(upper, vg.Point{X: x(d.x), Y: y(clampTo(p.Y, d.hi))})
		lower = append([]vg.Point{{X: x(d.x), Y: y(clampTo(p.Y, d.lo))}}, lower...)
	}
	if len(upper) > 1 {
		c.FillPolygon(b.colour, c.ClipPolygonXY(append(upper, lower...)))
	}
}

// clampTo keeps a value on an axis, so that a log scale never sees zero.
func clampTo(a plot.Axis, v float64) float64 { return math.Min(math.Max(v, a.Min), a.Max) }

// A path is a line through dots, with markers.
type path struct {
	dots  []dot
	style draw.LineStyle
	glyph draw.GlyphStyle // no shape: no markers
}

// Plot implements [plot.Plotter].
func (l path) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	points := make([]vg.Point, len(l.dots))
	for i, d := range l.dots {
		points[i] = vg.Point{X: x(d.x), Y: y(d.y)}
	}
	if len(points) > 1 {
		c.StrokeLines(l.style, c.ClipLinesXY(points)...)
	}
	if l.glyph.Shape == nil {
		return
	}
	for _, at := range points {
		c.DrawGlyph(l.glyph, at)
	}
}

// Thumbnail implements [plot.Thumbnailer].
func (l path) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(l.style, c.Min.X, y, c.Max.X, y)
	if l.glyph.Shape != nil {
		c.DrawGlyphNoClip(l.glyph, vg.Point{X: c.Center().X, Y: y})
	}
}

// whiskers draw the interval of each dot.
type whiskers struct {
	dots  []dot
	style draw.LineStyle
}

// Plot implements [plot.Plotter].
func (w whiskers) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	half := vg.Points(whiskerSize)
	for _, d := range w.dots {
		if !d.hasInterval() || d.lo > p.Y.Max {
			continue
		}
		at, lo, hi := x(d.x), y(clampTo(p.Y, d.lo)), y(clampTo(p.Y, d.hi))
		c.StrokeLine2(w.style, at, lo, at, hi)
		if d.lo >= p.Y.Min {
			c.StrokeLine2(w.style, at-half, lo, at+half, lo)
		}
		if d.hi <= p.Y.Max {
			c.StrokeLine2(w.style, at-half, hi, at+half, hi)
		}
	}
}

// A level is a horizontal line across the figure, with its interval.
type level struct {
	dot
	style draw.LineStyle
	fill  color.NRGBA
}

// Plot implements [plot.Plotter].
func (l level) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	if l.hasInterval() {
		lo, hi := y(clampTo(p.Y, l.lo)), y(clampTo(p.Y, l.hi))
		c.FillPolygon(l.fill, []vg.Point{{X: c.Min.X, Y: lo}, {X: c.Max.X, Y: lo}, {X: c.Max.X, Y: hi}, {X: c.Min.X, Y: hi}})
	}
	c.StrokeLine2(l.style, c.Min.X, y(l.y), c.Max.X, y(l.y))
}

// Thumbnail implements [plot.Thumbnailer].
func (l level) Thumbnail(c *draw.Canvas) {
	c.StrokeLine2(l.style, c.Min.X, c.Center().Y, c.Max.X, c.Center().Y)
}

// A block is a filled rectangle in data coordinates.
type block struct {
	x0, x1, y0, y1 float64
	colour         color.NRGBA
}

// Plot implements [plot.Plotter].
func (b block) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	corners := []vg.Point{{X: x(b.x0), Y: y(b.y0)}, {X: x(b.x1), Y: y(b.y0)}, {X: x(b.x1), Y: y(b.y1)}, {X: x(b.x0), Y: y(b.y1)}}
	c.FillPolygon(b.colour, corners)
	edge := stroke(rgb(0xffffff), 0.6) // keeps neighbouring blocks apart
	c.StrokeLines(edge, append(corners, corners[0]))
}

// Thumbnail implements [plot.Thumbnailer].
func (b block) Thumbnail(c *draw.Canvas) {
	y, half, middle := c.Center().Y, vg.Points(4), c.Center().X
	c.FillPolygon(b.colour, []vg.Point{{X: middle - 2*half, Y: y - half}, {X: middle + 2*half, Y: y - half}, {X: middle + 2*half, Y: y + half}, {X: middle - 2*half, Y: y + half}})
}

// A caption is a text above a point.
type caption struct {
	x, y  float64
	text  string
	style text.Style
}

// Plot implements [plot.Plotter].
func (t caption) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	s := t.style
	s.XAlign = text.XCenter
	c.FillText(s, vg.Point{X: x(t.x), Y: y(t.y) + vg.Points(3)}, t.text)
}

// A failure marks where runs diverged: a triangle, at the end of a curve or
// at the top of the figure.
type failure struct {
	x, y   float64 // y is NaN: at the top
	row    int     // at the top: how many marks are above
	colour color.NRGBA
}

// Plot implements [plot.Plotter].
func (f failure) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := vg.Point{X: x(f.x), Y: c.Max.Y - vg.Points(5+11*float64(f.row))}
	if !math.IsNaN(f.y) {
		at.Y = min(at.Y, y(f.y))
	}
	f.draw(&c, at)
}

// Thumbnail implements [plot.Thumbnailer].
func (f failure) Thumbnail(c *draw.Canvas) { f.draw(c, c.Center()) }

func (f failure) draw(c *draw.Canvas, at vg.Point) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: f.colour, Radius: vg.Points(4.5), Shape: hollow(triangle())}, at)
}

// An axisBreak cuts the x axis between two values with a pair of strokes.
type axisBreak struct{ from, to float64 }

// Plot implements [plot.Plotter].
func (b axisBreak) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	middle, gap, rise := (x(b.from)+x(b.to))/2, vg.Points(2), vg.Points(4)
	lean := vg.Points(1.5)
	c.FillPolygon(rgb(0xffffff), []vg.Point{
		{X: middle - gap - lean, Y: c.Min.Y - rise}, {X: middle + gap - lean, Y: c.Min.Y - rise},
		{X: middle + gap + lean, Y: c.Min.Y + rise}, {X: middle - gap + lean, Y: c.Min.Y + rise},
	})
	for _, side := range []vg.Length{-gap, gap} {
		c.StrokeLine2(stroke(faint(), 0.8), middle+side-lean, c.Min.Y-rise, middle+side+lean, c.Min.Y+rise)
	}
}

// A frame draws the two axes, over everything, so that they meet in the corner
// and no bar covers them.
type frame struct{ style draw.LineStyle }

// Plot implements [plot.Plotter].
func (f frame) Plot(c draw.Canvas, _ *plot.Plot) {
	c.StrokeLines(f.style, []vg.Point{{X: c.Min.X, Y: c.Max.Y}, {X: c.Min.X, Y: c.Min.Y}, {X: c.Max.X, Y: c.Min.Y}})
}

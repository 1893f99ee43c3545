package plots

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A ring marks the trial whose learning rate was chosen.
type ring struct {
	dot
	colour color.NRGBA
}

// Plot implements [plot.Plotter].
func (r ring) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	r.draw(&c, vg.Point{X: x(r.x), Y: y(r.y)})
}

// Thumbnail implements [plot.Thumbnailer].
func (r ring) Thumbnail(c *draw.Canvas) { r.draw(c, c.Center()) }

func (r ring) draw(c *draw.Canvas, at vg.Point) {
	var p vg.Path
	radius := vg.Points(2 * markerSize)
	p.Move(vg.Point{X: at.X + radius, Y: at.Y})
	p.Arc(at, radius, 0, 2*math.Pi)
	p.Close()
	c.SetLineStyle(stroke(r.colour, 1.3))
	c.Stroke(p)
}

package plots

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A shape is a marker with corners on or near the unit circle; without corners
// it is a disc. A hollow one is white inside, an open one has no inside.
type shape struct {
	corners      []vg.Point
	hollow, open bool
}

func disc() shape { return shape{} }
func square() shape {
	return shape{corners: []vg.Point{{X: -0.9, Y: -0.9}, {X: 0.9, Y: -0.9}, {X: 0.9, Y: 0.9}, {X: -0.9, Y: 0.9}}}
}
func triangle() shape {
	return shape{corners: []vg.Point{{X: -1.1, Y: -0.8}, {X: 1.1, Y: -0.8}, {X: 0, Y: 1.2}}}
}
func nabla() shape {
	return shape{corners: []vg.Point{{X: -1.1, Y: 0.8}, {X: 1.1, Y: 0.8}, {X: 0, Y: -1.2}}}
}
func diamond() shape {
	return shape{corners: []vg.Point{{X: 0, Y: 1.3}, {X: 1.3, Y: 0}, {X: 0, Y: -1.3}, {X: -1.3, Y: 0}}}
}

func hollow(s shape) shape {
	s.hollow = true
	return s
}

func outline(s shape) shape {
	s.hollow, s.open = true, true
	return s
}

// DrawGlyph implements [draw.GlyphDrawer].
func (s shape) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	var p vg.Path
	if len(s.corners) == 0 {
		p.Move(vg.Point{X: at.X + style.Radius, Y: at.Y})
		p.Arc(at, style.Radius, 0, 2*math.Pi)
	}
	for i, corner := range s.corners {
		to := at.Add(corner.Scale(style.Radius))
		if i == 0 {
			p.Move(to)
		} else {
			p.Line(to)
		}
	}
	p.Close()
	if !s.hollow {
		c.SetColor(style.Color)
		c.Fill(p)
		return
	}
	if !s.open {
		c.SetColor(rgb(0xffffff))
		c.Fill(p)
	}
	c.SetLineStyle(draw.LineStyle{Color: style.Color, Width: vg.Points(1.3)})
	c.Stroke(p)
}

// marker returns one of a few shapes that differ at a glance.
func marker(i int) draw.GlyphDrawer {
	list := []shape{disc(), square(), triangle(), diamond(), nabla(), hollow(disc()), hollow(square()), hollow(triangle()), hollow(diamond()), hollow(nabla())}
	return list[i%len(list)]
}

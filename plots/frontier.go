package plots

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
)

// frontier draws one mark per configuration with its label, and the Pareto
// front as steps: what can be had for at most so much x. Configurations that
// another one beats in both directions are lighter.
func (d *drawing) frontier() []plot.Plotter {
	under := d.levels()
	var front []dot
	var tags []tag
	var over, best []plot.Plotter
	intervals, dominated := false, false
	for i, s := range d.chart.Series {
		if !d.here(s) {
			continue
		}
		look := d.seriesLook(i)
		glyph := draw.GlyphStyle{Color: look.colour, Radius: vg.Points(1.25 * markerSize), Shape: look.marker}
		for _, p := range s.Points {
			at := d.dot(p)
			d.seeX(at.x)
			if p.Diverged > 0 {
				d.fail(at.x, look.colour)
			}
			if math.IsNaN(p.Y) {
				continue
			}
			d.see(at)
			intervals = intervals || at.hasInterval()
			point, ink := glyph, ink()
			if p.Front {
				front = append(front, at)
			} else {
				dominated = true
				point.Color, ink = mix(look.colour, rgb(0xffffff), 0.6), faint()
			}
			spread := stretch{at, p.XLo / d.xscale, p.XHi / d.xscale, stroke(mix(point.Color.(color.NRGBA), rgb(0xffffff), 0.3), 0.8)}
			d.xs.add(spread.xlo)
			d.xs.add(spread.xhi)
			under = append(under, spread)
			if mark := (path{dots: []dot{at}, glyph: point}); p.Front {
				best = append(best, mark)
			} else {
				over = append(over, mark)
			}
			tags = append(tags, tag{at, p.Label, letters(footnoteSize+0.5, ink), p.Front})
		}
		d.enter(look, s.Label, path{glyph: glyph})
	}
	slices.SortFunc(front, func(a, b dot) int {
		switch {
		case a.x != b.x:
			return sign(a.x - b.x)
		default:
			return sign(a.y - b.y)
		}
	})
	slices.SortStableFunc(tags, func(a, b tag) int {
		if a.first == b.first {
			return 0
		}
		return map[bool]int{true: -1, false: 1}[a.first]
	})
	line := steps{dots: front, style: stroke(rgb(0x9a9a9a), 1.2), more: [2]bool{d.chart.X.Kind == view.Rate, d.chart.Y.Kind == view.Rate}}
	if len(front) > 0 {
		d.enter(look{place: lastPlace}, "Pareto front", line)
	}
	if dominated {
		d.footnote("lighter: another configuration is at least as good in both directions, and better in one; named where there is room")
	}
	if intervals {
		d.footnote(intervalNote)
	}
	return slices.Concat(under, []plot.Plotter{line}, over, best, d.compared(), []plot.Plotter{beside{tags, line}})
}

// lastPlace is behind all series in the legend.
const lastPlace = 1 << 20

func sign(v float64) int {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return 0
}

// steps is the edge of what a set of points can do, from edge to edge of the
// figure. Costs are low to the left and below; of a rate, more is better.
type steps struct {
	dots  []dot // by x
	style draw.LineStyle
	more  [2]bool // more is better in x, y
}

// Plot implements [plot.Plotter].
func (s steps) Plot(c draw.Canvas, p *plot.Plot) {
	if len(s.dots) > 0 {
		c.StrokeLines(s.style, c.ClipLinesXY(s.corners(&c, p))...)
	}
}

// corners returns the corners of the steps on a canvas.
func (s steps) corners(c *draw.Canvas, p *plot.Plot) []vg.Point {
	if len(s.dots) == 0 {
		return nil
	}
	x, y := p.Transforms(c)
	worstX, worstY := c.Max.X, c.Max.Y
	dots := s.dots
	if s.more[0] { // walk from the best x to the worst
		worstX = c.Min.X
		dots = slices.Clone(dots)
		slices.Reverse(dots)
	}
	if s.more[1] {
		worstY = c.Min.Y
	}
	at := vg.Point{X: x(dots[0].x), Y: worstY}
	line := []vg.Point{at}
	for _, d := range dots {
		at.X = x(d.x)
		line = append(line, at)
		at.Y = y(d.y)
		line = append(line, at)
	}
	return append(line, vg.Point{X: worstX, Y: at.Y})
}

// Thumbnail implements [plot.Thumbnailer].
func (s steps) Thumbnail(c *draw.Canvas) {
	middle, drop := c.Center(), vg.Points(3)
	c.StrokeLines(s.style, []vg.Point{{X: c.Min.X, Y: middle.Y + drop}, {X: middle.X, Y: middle.Y + drop}, {X: middle.X, Y: middle.Y - drop}, {X: c.Max.X, Y: middle.Y - drop}})
}

// A stretch draws the intervals of a dot in both directions, as thin lines.
type stretch struct {
	dot
	xlo, xhi float64
	style    draw.LineStyle
}

// Plot implements [plot.Plotter].
func (s stretch) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	if s.hasInterval() {
		c.StrokeLine2(s.style, x(s.x), y(clampTo(p.Y, s.lo)), x(s.x), y(clampTo(p.Y, s.hi)))
	}
	if !math.IsNaN(s.xlo) && !math.IsNaN(s.xhi) {
		c.StrokeLine2(s.style, x(clampTo(p.X, s.xlo)), y(s.y), x(clampTo(p.X, s.xhi)), y(s.y))
	}
}

// A tag is the label of a point.
type tag struct {
	dot
	text  string
	style text.Style
	first bool // written even where it covers others
}

// beside writes tags beside their points, each where it covers the least of
// the points, of the front and of the tags before it. Those that would cover
// much are left out, except on the front, whose tags are written first, and
// further away where it is crowded.
type beside struct {
	tags  []tag
	front steps
}

// Plot implements [plot.Plotter].
func (l beside) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var points, taken []vg.Rectangle
	r := vg.Points(1.5 * markerSize)
	front := l.front.corners(&c, p)
	for i := 1; i < len(front); i++ {
		a, b, half := front[i-1], front[i], vg.Points(1)
		taken = append(taken, vg.Rectangle{
			Min: vg.Point{X: min(a.X, b.X) - half, Y: min(a.Y, b.Y) - half}, Max: vg.Point{X: max(a.X, b.X) + half, Y: max(a.Y, b.Y) + half},
		})
	}
	for _, t := range l.tags {
		at := vg.Point{X: x(t.x), Y: y(t.y)}
		points = append(points, vg.Rectangle{Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r}})
	}
	for _, t := range l.tags {
		if t.text == "" {
			continue
		}
		best, least, far := vg.Rectangle{}, math.Inf(1), false
		size := vg.Point{X: t.style.Width(t.text), Y: t.style.Height(t.text)}
		for i, place := range tagPlaces() {
			at := vg.Point{X: x(t.x), Y: y(t.y)}
			middle := at.Add(vg.Point{X: place.X * (size.X/2 + r + vg.Points(2)), Y: place.Y * (size.Y/2 + r)})
			box := vg.Rectangle{
				Min: vg.Point{X: middle.X - size.X/2, Y: middle.Y - size.Y/2},
				Max: vg.Point{X: middle.X + size.X/2, Y: middle.Y + size.Y/2},
			}
			reach := math.Abs(float64(place.Y)) - 1
			if reach > 0 && !t.first {
				break
			}
			cost := 0.02*float64(i) + 30*max(0, reach)
			for _, other := range taken {
				cost += 2 * overlap(box, other)
			}
			for _, other := range points {
				cost += 4 * overlap(box, other)
			}
			cost += 4 * (float64(size.X*size.Y) - overlap(box, c.Rectangle)) // reaches out of the figure
			if cost < least {
				best, least, far = box, cost, reach > 0
			}
		}
		if !t.first && least > 0.12*float64(size.X*size.Y) {
			continue
		}
		taken = append(taken, best)
		if at := (vg.Point{X: x(t.x), Y: y(t.y)}); far {
			near := vg.Point{X: min(max(at.X, best.Min.X), best.Max.X), Y: min(max(at.Y, best.Min.Y), best.Max.Y)}
			c.StrokeLine2(stroke(rgb(0x9a9a9a), 0.5), at.X, at.Y, near.X, near.Y)
		}
		s := t.style
		s.XAlign, s.YAlign = text.XCenter, text.YCenter
		// Small letters, not their box, are level with the point.
		c.FillText(s, vg.Point{X: (best.Min.X + best.Max.X) / 2, Y: (best.Min.Y+best.Max.Y)/2 + 0.1*size.Y}, t.text)
	}
}

// tagPlaces lists directions from a point to the middle of its label, the best
// first. The last ones are so far away that a line leads there.
func tagPlaces() []vg.Point {
	return []vg.Point{{X: 1}, {Y: 1}, {Y: -1}, {X: -1}, {X: 0.8, Y: 0.9}, {X: 0.8, Y: -0.9}, {X: -0.8, Y: 0.9}, {X: -0.8, Y: -0.9},
		{Y: 2}, {Y: -2}, {X: 1, Y: 2}, {X: 1, Y: -2}, {X: -1, Y: 2}, {X: -1, Y: -2}, {X: 1.2, Y: 3.2}, {X: 1.2, Y: -3.2}, {X: -1.2, Y: 3.2}, {X: -1.2, Y: -3.2}, {X: 1.4, Y: 4.6}, {X: 1.4, Y: -4.6}}
}

// overlap returns the area that two boxes share, in square points.
func overlap(a, b vg.Rectangle) float64 {
	w := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X)
	h := min(a.Max.Y, b.Max.Y) - max(a.Min.Y, b.Min.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	return float64(w) * float64(h)
}

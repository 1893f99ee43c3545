package plots

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
)

// Measures of heat maps.
const (
	cellHeight    = 0.48 * vg.Inch
	heatMinHeight = 2.6 * vg.Inch
	cellLargest   = 10.5 // size of the numbers in cells
	cellSmallest  = 5
)

// cells draws one rectangle per pair of categories: its colour is the value,
// which is written in it too. Pairs without a run are hatched.
func (d *drawing) cells() []plot.Plotter {
	scale := d.colourScale()
	runs := d.usualRuns()
	seen := map[[2]int]bool{}
	var list []*cell
	for _, s := range d.chart.Series {
		if !d.here(s) {
			continue
		}
		row := rowOf(s, d.chart.YCategories)
		for _, p := range s.Points {
			seen[[2]int{int(p.X), row}] = true
			c := &cell{x: p.X, y: float64(row), fill: rgb(0xe9e9e9), some: p.Diverged > 0}
			switch {
			case math.IsNaN(p.Y) && p.Diverged > 0:
				c.text, c.some = "diverged", false
			case math.IsNaN(p.Y):
				c.text = "–"
			default:
				c.fill = scale.colour(p.Y / d.scale)
				c.text = d.cellLabel(p)
				if !math.IsNaN(p.Lo) {
					c.below = "±" + significant((p.Hi-p.Lo)/2/d.scale, 2)
				}
				if p.N != runs {
					d.footnote("n: cells of another number of seeds")
					c.below = strings.TrimSpace(fmt.Sprintf("%s n=%d", c.below, p.N))
				}
				d.ys.add(p.Y)
			}
			if c.some {
				d.footnote("triangle in a cell: some seeds diverged; the mean is of the others")
			}
			list = append(list, c)
		}
	}
	for x := range d.chart.Categories {
		for y := range d.chart.YCategories {
			if !seen[[2]int{x, y}] {
				list = append(list, &cell{x: float64(x), y: float64(y), fill: rgb(0xf4f4f4), hatched: true})
				d.footnote("hatched: no finished run")
			}
		}
	}
	if d.now == d.panels[0] {
		if runs > 1 {
			d.footnote(fmt.Sprintf("each cell: mean of %d seeds, ± half the 95 %% interval (Student t)", runs))
		}
		d.bar = &colourBar{scale: scale, title: d.zTitle()}
		for _, b := range d.chart.Baselines {
			for _, p := range b.Points {
				switch at := scale.at(p.Y / d.scale); {
				case math.IsNaN(p.Y):
				case at < 0:
					d.footnote(fmt.Sprintf("below the colours: %s, %s", b.Label, d.cellLabel(p)))
				case at > 1:
					d.footnote(fmt.Sprintf("above the colours: %s, %s", b.Label, d.cellLabel(p)))
				default:
					d.bar.marks = append(d.bar.marks, mark{value: p.Y / d.scale})
					d.footnote(fmt.Sprintf("line across the colours: %s, %s", b.Label, d.cellLabel(p)))
				}
			}
		}
	}
	fit(list)
	marks := make([]plot.Plotter, len(list))
	for i, c := range list {
		marks[i] = c
	}
	return marks
}

// rowOf returns the index of a row of the heat map.
func rowOf(s view.Series, rows []string) int {
	for i, name := range rows {
		if name == s.Label {
			return i
		}
	}
	panic(fmt.Sprintf("the series %q is no row of the heat map", s.Label))
}

func (d *drawing) cellLabel(p view.Point) string {
	v := p.Y / d.scale
	if d.chart.Z.Kind == view.Measure {
		return significant(v, 4)
	}
	return significant(v, 3)
}

func (d *drawing) zTitle() string {
	z := d.chart.Z
	z.Unit = d.unit
	return z.Title()
}

// usualRuns returns the number of runs that most cells have.
func (d *drawing) usualRuns() (usual int) {
	count := map[int]int{}
	for _, s := range d.chart.Series {
		for _, p := range s.Points {
			if count[p.N]++; p.N > 0 && (count[p.N] > count[usual] || count[p.N] == count[usual] && p.N > usual) {
				usual = p.N
			}
		}
	}
	return usual
}

// colourScale covers the values of all panels.
func (d *drawing) colourScale() colourScale {
	e := nothing()
	for _, s := range d.chart.Series {
		for _, p := range s.Points {
			e.add(p.Y / d.scale)
		}
	}
	return newColourScale(e, d.chart.Figure.ZScale == view.Log)
}

// A cell is one rectangle of a heat map.
type cell struct {
	x, y        float64
	fill        color.NRGBA
	text, below string // value, and what stands under it in small letters
	some        bool   // of its runs, some diverged
	hatched     bool

	widest, widestBelow string // of all cells, so that all are written alike
}

// fit tells every cell the longest texts of all.
func fit(cells []*cell) {
	style := letters(10, ink())
	var widest, below string
	for _, c := range cells {
		if style.Width(c.text) > style.Width(widest) {
			widest = c.text
		}
		if style.Width(c.below) > style.Width(below) {
			below = c.below
		}
	}
	for _, c := range cells {
		c.widest, c.widestBelow = widest, below
	}
}

// Plot implements [plot.Plotter].
func (e *cell) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	gap := vg.Points(0.7)
	box := vg.Rectangle{
		Min: vg.Point{X: min(x(e.x-0.5), x(e.x+0.5)) + gap, Y: min(y(e.y-0.5), y(e.y+0.5)) + gap},
		Max: vg.Point{X: max(x(e.x-0.5), x(e.x+0.5)) - gap, Y: max(y(e.y-0.5), y(e.y+0.5)) - gap},
	}
	c.FillPolygon(e.fill, []vg.Point{box.Min, {X: box.Max.X, Y: box.Min.Y}, box.Max, {X: box.Min.X, Y: box.Max.Y}})
	if e.hatched {
		hatch(&c, box)
		return
	}
	e.write(&c, box)
}

// write puts the texts into the box, as large as the longest of all cells
// allows. Cells that are too small stay empty: the CSV has the numbers.
func (e *cell) write(c *draw.Canvas, box vg.Rectangle) {
	room := box.Size()
	unit := letters(10, ink())
	size := min(cellLargest, 10*float64((room.X-vg.Points(6))/max(unit.Width(e.widest), 1)))
	small := 0.0
	if e.widestBelow != "" {
		small = min(0.76*size, 10*float64((room.X-vg.Points(4))/unit.Width(e.widestBelow)))
	}
	size = min(size, float64(room.Y-vg.Points(3))/1.2)
	if small < cellSmallest || (size+small)*1.2 > float64(room.Y) {
		small = 0
	}
	if size < cellSmallest {
		return
	}
	on := textOn(e.fill)
	middle := vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: (box.Min.Y + box.Max.Y) / 2}
	s := letters(size, on)
	s.XAlign, s.YAlign = text.XCenter, text.YCenter
	if small > 0 && e.below != "" {
		below := letters(small, on)
		below.XAlign, below.YAlign = text.XCenter, text.YCenter
		c.FillText(s, vg.Point{X: middle.X, Y: middle.Y + vg.Points(0.55*small)}, e.text)
		c.FillText(below, vg.Point{X: middle.X, Y: middle.Y - vg.Points(0.65*size)}, e.below)
	} else {
		c.FillText(s, middle, e.text)
	}
	if e.some {
		r := min(vg.Points(3.5), room.X/8, room.Y/8)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: on, Radius: r, Shape: outline(triangle())}, vg.Point{X: box.Max.X - 2*r, Y: box.Max.Y - 2*r})
	}
}

// textOn returns the colour of letters on a background.
func textOn(fill color.NRGBA) color.NRGBA {
	if lightness(fill) < 57 {
		return rgb(0xffffff)
	}
	return ink()
}

// hatch draws thin parallel lines that rise through a box.
func hatch(c *draw.Canvas, box vg.Rectangle) {
	style := stroke(rgb(0xc4c4c4), 0.6)
	step := vg.Points(6)
	size := box.Size()
	for offset := step; offset < size.X+size.Y; offset += step {
		from := vg.Point{X: box.Min.X + max(0, offset-size.Y), Y: box.Max.Y - max(0, size.Y-offset)}
		to := vg.Point{X: box.Min.X + min(offset, size.X), Y: box.Min.Y + max(0, offset-size.X)}
		c.StrokeLine2(style, from.X, from.Y, to.X, to.Y)
	}
}

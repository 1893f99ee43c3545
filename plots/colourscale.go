package plots

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// viridis is the colour map of that name (Smith and van der Walt, 2015) at
// tenths: lightness rises evenly from end to end, so that it is read in order
// in print and with any form of colour blindness.
func viridis() []color.NRGBA {
	var list []color.NRGBA
	for _, hex := range []uint32{0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c, 0x22a884, 0x44bf70, 0x7ad151, 0xbddf26, 0xfde725} {
		list = append(list, rgb(hex))
	}
	return list
}

// A colourScale turns values into colours: dark is low, light is high.
type colourScale struct {
	extent
	log bool
}

func newColourScale(e extent, log bool) colourScale {
	if e.lo >= e.hi { // one value, or none
		if log {
			e.lo, e.hi = e.lo/1.1, e.hi*1.1
		} else {
			half := max(math.Abs(e.lo)*0.05, 1e-9)
			e.lo, e.hi = e.lo-half, e.hi+half
		}
	}
	return colourScale{e, log}
}

// at returns the place of a value on the scale, from 0 to 1.
func (s colourScale) at(v float64) float64 {
	if s.log {
		return math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

func (s colourScale) colour(v float64) color.NRGBA { return shadeAt(s.at(v)) }

// shadeAt interpolates between the colours of the map.
func shadeAt(share float64) color.NRGBA {
	list := viridis()
	place := min(max(share, 0), 1) * float64(len(list)-1)
	i := min(int(place), len(list)-2)
	return mix(list[i], list[i+1], place-float64(i))
}

// lightness is CIE L* of a colour.
func lightness(c color.NRGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s > 0.04045 {
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return s / 12.92
	}
	return 116*math.Cbrt(0.2126*linear(c.R)+0.7152*linear(c.G)+0.0722*linear(c.B)) - 16
}

// A colourBar explains the colours, in a strip at the right of the data.
type colourBar struct {
	scale colourScale
	title string
	marks []mark
	strip draw.Canvas
}

// A mark is a value to compare with, a line across the colours.
type mark struct {
	value float64
}

// Measures of a colour bar.
const (
	barWidth = 13
	barSteps = 80
	barTick  = 3
)

func (b *colourBar) ticks() []plot.Tick {
	if b.scale.log {
		return logTicks(b.scale.lo, b.scale.hi)
	}
	return linearTicks(b.scale.lo, b.scale.hi, 5)
}

func (b *colourBar) titleStyle() text.Style {
	s := letters(labelSize, ink())
	s.Rotation = math.Pi / 2
	s.XAlign, s.YAlign = text.XCenter, text.YBottom
	return s
}

func (b *colourBar) width() vg.Length {
	widest := vg.Length(0)
	s := letters(tickSize, ink())
	for _, t := range b.ticks() {
		widest = max(widest, s.Width(t.Label))
	}
	return vg.Points(barWidth+barTick+3) + widest + vg.Points(8) + letters(labelSize, ink()).Height(b.title)
}

// draw draws the bar beside a data area, as high as that.
func (b *colourBar) draw(data draw.Canvas) {
	if b == nil {
		return
	}
	c := b.strip
	c.Min.Y, c.Max.Y = data.Min.Y, data.Max.Y
	left, right := c.Min.X, c.Min.X+vg.Points(barWidth)
	// Each step reaches to the top, under the next: no seams.
	for i := range barSteps {
		y := c.Y(float64(i) / barSteps)
		c.FillPolygon(shadeAt((float64(i)+0.5)/barSteps), []vg.Point{{X: left, Y: y}, {X: right, Y: y}, {X: right, Y: c.Max.Y}, {X: left, Y: c.Max.Y}})
	}
	s := letters(tickSize, ink())
	s.YAlign = text.YCenter
	end := right + vg.Points(barTick)
	for _, t := range b.ticks() {
		y := c.Y(b.scale.at(t.Value))
		if t.Label == "" {
			continue
		}
		c.StrokeLine2(stroke(faint(), 0.8), right, y, end, y)
		c.FillText(s, vg.Point{X: end + vg.Points(3), Y: y}, t.Label)
	}
	for _, m := range b.marks {
		y := c.Y(b.scale.at(m.value))
		c.StrokeLine2(stroke(rgb(0xffffff), 3), left, y, right, y)
		line := stroke(ink(), 1.4)
		c.StrokeLine2(line, left-vg.Points(3), y, right+vg.Points(2), y)
	}
	c.FillText(b.titleStyle(), vg.Point{X: c.Max.X, Y: c.Center().Y}, b.title)
}

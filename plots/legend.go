package plots

import (
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A legend is a column of samples and names in a strip of its own.
type legend struct{ entries []entry }

type entry struct {
	label string
	thumb plot.Thumbnailer
	place int // in the order of the chart
}

// Measures of a legend. The sample is as wide as a whole number of dashes.
const (
	thumbWidth = 23
	thumbGap   = 6
	entryGap   = 5
)

func (l *legend) add(label string, thumb plot.Thumbnailer) {
	l.entries = append(l.entries, entry{label: label, thumb: thumb})
}

func (l *legend) style() text.Style {
	s := letters(tickSize, ink())
	s.YAlign = text.YTop
	return s
}

// fit breaks labels so that the legend is at most max wide, as far as words
// allow.
func (l *legend) fit(max vg.Length) {
	for i := range l.entries {
		l.entries[i].label = wrap(l.style(), l.entries[i].label, max-vg.Points(thumbWidth+thumbGap))
	}
}

func (l *legend) width() vg.Length {
	widest := vg.Length(0)
	for _, e := range l.entries {
		widest = max(widest, l.style().Width(e.label))
	}
	return widest + vg.Points(thumbWidth+thumbGap)
}

func (l *legend) height() vg.Length {
	total := vg.Length(0)
	for _, e := range l.entries {
		total += vg.Length(1+strings.Count(e.label, "\n"))*l.line() + vg.Points(entryGap)
	}
	return total
}

func (l *legend) line() vg.Length { return l.style().FontExtents().Height }

// flowGap is the distance between entries that stand beside each other.
const flowGap = 18

// lines breaks the entries into lines of at most max, for a legend above the
// data.
func (l *legend) lines(max vg.Length) [][]entry {
	var list [][]entry
	used := vg.Length(0)
	for _, e := range l.entries {
		need := vg.Points(thumbWidth+thumbGap) + l.style().Width(e.label)
		if used += vg.Points(flowGap) + need; len(list) == 0 || used > max {
			list, used = append(list, nil), need
		}
		list[len(list)-1] = append(list[len(list)-1], e)
	}
	return list
}

// flowHeight is the height of a legend above the data, with a gap below.
func (l *legend) flowHeight(max vg.Length) vg.Length {
	lines := vg.Length(len(l.lines(max)))
	if lines == 0 {
		return 0
	}
	return lines*(l.line()+vg.Points(entryGap)) + vg.Points(entryGap)
}

// flow draws the legend as lines at the top of a canvas and returns the height
// that they take.
func (l *legend) flow(c draw.Canvas) vg.Length {
	height := l.flowHeight(c.Size().X)
	for i, line := range l.lines(c.Size().X) {
		strip := c
		strip.Max.Y -= vg.Length(i) * (l.line() + vg.Points(entryGap))
		for _, e := range line {
			one := legend{entries: []entry{e}}
			one.draw(strip)
			strip.Min.X += one.width() + vg.Points(flowGap)
		}
	}
	return height
}

// draw draws the legend from the top of the strip.
func (l *legend) draw(c draw.Canvas) {
	s, line := l.style(), l.line()
	// Samples are centred on the small letters of the first line.
	drop := s.FontExtents().Ascent - 0.27*s.Font.Size
	y := c.Max.Y - vg.Points(2)
	for _, e := range l.entries {
		middle := y - drop
		sample := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: c.Min.X, Y: middle - line/2},
			Max: vg.Point{X: c.Min.X + vg.Points(thumbWidth), Y: middle + line/2},
		}}
		e.thumb.Thumbnail(&sample)
		for text := range strings.SplitSeq(e.label, "\n") {
			c.FillText(s, vg.Point{X: c.Min.X + vg.Points(thumbWidth+thumbGap), Y: y}, text)
			y -= line
		}
		y -= vg.Points(entryGap)
	}
}

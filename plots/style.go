package plots

import (
	"image/color"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes in points.
const (
	titleSize    = 12
	labelSize    = 10.5
	tickSize     = 9.5
	footnoteSize = 8

	lineWidth   = 1.8
	markerSize  = 3.2
	whiskerSize = 3
)

func ink() color.NRGBA   { return rgb(0x262626) }
func faint() color.NRGBA { return rgb(0x6b6b6b) }
func grid() color.NRGBA  { return rgb(0xe3e3e3) }

// letters returns a text style in the one typeface of all figures.
func letters(size float64, c color.NRGBA) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)},
		XAlign:  text.XLeft,
		YAlign:  text.YBottom,
		Handler: plot.DefaultTextHandler,
	}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = xfont.WeightBold
	return s
}

func stroke(c color.NRGBA, width float64) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: vg.Points(width)}
}

// dashPattern returns one of a few patterns that differ at a glance.
func dashPattern(i int) []vg.Length {
	p := vg.Points
	list := [][]vg.Length{nil, {p(6), p(2.5)}, {p(2), p(2)}, {p(7), p(2), p(1.5), p(2)}, {p(10), p(3)}}
	return list[i%len(list)]
}

// wrap breaks text between words so that no line is wider than max. A single
// long word stays whole.
func wrap(s text.Style, words string, max vg.Length) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(words) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && s.Width(longer) > max {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	return strings.Join(append(lines, line), "\n")
}

package plots

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"

	"ranklab/harness/view"
)

// PDF draws a chart as a PDF document of one page. The letters that it uses are
// embedded, and nothing in it depends on when or where it is drawn.
//
// gonum's own PDF canvas writes letters in the Windows code page, so that "·"
// and "≤" come out wrong, embeds whole typefaces, 400 kB a figure, and dates the
// file.
func PDF(chart view.Chart) ([]byte, error) {
	return paint(chart, func(height vg.Length) vg.CanvasWriterTo { return newPage(height, chart.Figure.Title) })
}

// A page is a PDF canvas. Positions are transformed here, once: the document
// itself stays in points from its lower left corner.
type page struct {
	doc    *fpdf.Fpdf
	height vg.Length
	at     state
	stack  []state
	fonts  map[string]bool
}

// A state is what Push keeps and Pop brings back.
type state struct {
	a, b, c, d, x, y float64 // x' = a·x + c·y + x0, y' = b·x + d·y + y0
	width            vg.Length
	dashes           []vg.Length
	offset           vg.Length
	colour           color.Color
}

func newPage(height vg.Length, title string) *page {
	doc := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: width.Points(), Ht: height.Points()}})
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	doc.SetCatalogSort(true)
	// A date is part of every document; this one is always the same.
	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	doc.SetCreationDate(day)
	doc.SetModificationDate(day)
	doc.SetProducer("ranklab", true)
	doc.SetTitle(title, true)
	doc.AddPage()
	p := &page{doc: doc, height: height, fonts: map[string]bool{}, at: state{a: 1, d: 1}}
	vg.Initialize(p)
	return p
}

// Size implements [vg.CanvasSizer].
func (p *page) Size() (x, y vg.Length) { return width, p.height }

// SetLineWidth implements [vg.Canvas].
func (p *page) SetLineWidth(w vg.Length) { p.at.width = w }

// SetLineDash implements [vg.Canvas].
func (p *page) SetLineDash(dashes []vg.Length, offset vg.Length) {
	p.at.dashes, p.at.offset = dashes, offset
}

// SetColor implements [vg.Canvas].
func (p *page) SetColor(c color.Color) {
	if c == nil {
		c = color.Black
	}
	p.at.colour = c
}

// Push implements [vg.Canvas].
func (p *page) Push() { p.stack = append(p.stack, p.at) }

// Pop implements [vg.Canvas].
func (p *page) Pop() {
	last := len(p.stack) - 1
	p.at, p.stack = p.stack[last], p.stack[:last]
}

// Rotate implements [vg.Canvas].
func (p *page) Rotate(radians float64) {
	sin, cos := math.Sincos(radians)
	s := p.at
	p.at.a, p.at.b = s.a*cos+s.c*sin, s.b*cos+s.d*sin
	p.at.c, p.at.d = s.c*cos-s.a*sin, s.d*cos-s.b*sin
}

// Translate implements [vg.Canvas].
func (p *page) Translate(to vg.Point) {
	x, y := p.place(to)
	p.at.x, p.at.y = x, y
}

// Scale implements [vg.Canvas].
func (p *page) Scale(x, y float64) {
	p.at.a, p.at.b = p.at.a*x, p.at.b*x
	p.at.c, p.at.d = p.at.c*y, p.at.d*y
}

// place returns a position in points from the lower left corner.
func (p *page) place(at vg.Point) (x, y float64) {
	px, py := at.X.Points(), at.Y.Points()
	return p.at.a*px + p.at.c*py + p.at.x, p.at.b*px + p.at.d*py + p.at.y
}

// down is a height as the document counts it, from the upper edge.
func (p *page) down(y float64) float64 { return p.height.Points() - y }

// Stroke implements [vg.Canvas].
func (p *page) Stroke(path vg.Path) {
	if p.at.width <= 0 {
		return
	}
	p.paint()
	scale := math.Sqrt(math.Abs(p.at.a*p.at.d - p.at.b*p.at.c))
	p.doc.SetLineWidth(p.at.width.Points() * scale)
	dashes := make([]float64, len(p.at.dashes))
	for i, d := range p.at.dashes {
		dashes[i] = d.Points() * scale
	}
	p.doc.SetDashPattern(dashes, p.at.offset.Points()*scale)
	p.trace(path)
	p.doc.DrawPath("D")
}

// Fill implements [vg.Canvas].
func (p *page) Fill(path vg.Path) {
	p.paint()
	p.trace(path)
	p.doc.DrawPath("F")
}

// paint sets the colour of what follows.
func (p *page) paint() {
	c := color.NRGBAModel.Convert(p.at.colour).(color.NRGBA)
	r, g, b := int(c.R), int(c.G), int(c.B)
	p.doc.SetFillColor(r, g, b)
	p.doc.SetDrawColor(r, g, b)
	p.doc.SetTextColor(r, g, b)
	p.doc.SetAlpha(float64(c.A)/255, "Normal")
}

func (p *page) trace(path vg.Path) {
	for i, part := range path {
		switch part.Type {
		case vg.MoveComp:
			x, y := p.place(part.Pos)
			p.doc.MoveTo(x, p.down(y))
		case vg.LineComp:
			x, y := p.place(part.Pos)
			p.doc.LineTo(x, p.down(y))
		case vg.ArcComp:
			p.arc(part)
		case vg.CurveComp:
			switch control := part.Control; len(control) {
			case 1: // the same curve with two control points
				from := path[max(0, i-1)].Pos
				p.curve(third(control[0], from), third(control[0], part.Pos), part.Pos)
			default:
				p.curve(control[0], control[1], part.Pos)
			}
		case vg.CloseComp:
			p.doc.ClosePath()
		}
	}
}

// third is a third of the way from a to b.
func third(a, b vg.Point) vg.Point { return a.Add(b.Sub(a).Scale(1. / 3)) }

func (p *page) curve(c1, c2, to vg.Point) {
	x1, y1 := p.place(c1)
	x2, y2 := p.place(c2)
	x, y := p.place(to)
	p.doc.CurveBezierCubicTo(x1, p.down(y1), x2, p.down(y2), x, p.down(y))
}

// arc draws an arc as cubic curves over an eighth of a circle each at most.
func (p *page) arc(part vg.PathComp) {
	n := max(1, math.Ceil(math.Abs(part.Angle)/(math.Pi/4)))
	step := part.Angle / n
	reach := part.Radius * vg.Length(4./3*math.Tan(step/4)) // of the control points
	on := func(angle float64) (at, along vg.Point) {
		sin, cos := math.Sincos(angle)
		direction := vg.Point{X: vg.Length(cos), Y: vg.Length(sin)}
		return part.Pos.Add(direction.Scale(part.Radius)), vg.Point{X: -direction.Y, Y: direction.X}
	}
	for i := range int(n) {
		from, fromAlong := on(part.Start + float64(i)*step)
		to, toAlong := on(part.Start + float64(i+1)*step)
		if i == 0 {
			x, y := p.place(from)
			p.doc.LineTo(x, p.down(y))
		}
		p.curve(from.Add(fromAlong.Scale(reach)), to.Sub(toAlong.Scale(reach)), to)
	}
}

// FillString implements [vg.Canvas].
func (p *page) FillString(face font.Face, at vg.Point, text string) {
	if face.Font.Size == 0 {
		return
	}
	style := ""
	if face.Font.Weight == xfont.WeightBold {
		style = "B"
	}
	if family := face.Name(); !p.fonts[family] {
		var data bytes.Buffer
		if _, err := face.Face.WriteSourceTo(nil, &data); err != nil {
			panic(fmt.Sprintf("the typeface %s: %v", family, err))
		}
		p.doc.AddUTF8FontFromBytes(family, style, data.Bytes())
		p.fonts[family] = true
	}
	p.paint()
	p.doc.SetFont(face.Name(), style, face.Font.Size.Points())
	x, y := p.place(at)
	p.doc.TransformBegin()
	p.doc.Transform(fpdf.TransformMatrix{A: p.at.a, B: p.at.b, C: p.at.c, D: p.at.d, E: x, F: y})
	p.doc.Text(0, p.down(0), strings.Map(basic, text))
	p.doc.TransformEnd()
}

// basic replaces letters that the document cannot hold.
func basic(r rune) rune {
	if r > 0xffff {
		return '\ufffd'
	}
	return r
}

// DrawImage implements [vg.Canvas]; no figure holds an image.
func (p *page) DrawImage(vg.Rectangle, image.Image) { panic("images cannot be drawn") }

// WriteTo implements [io.WriterTo].
func (p *page) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	if err := p.doc.Output(&b); err != nil {
		return 0, err
	}
	return b.WriteTo(w)
}

package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"ranklab/harness/record"
)

// A spot is a place on a curve.
type spot struct{ x, y float64 }

// lossCurve draws the losses of one run against its updates: those of evaluations
// as a line, those of single updates behind it. The axis covers the evaluations
// and the training losses up to the first of them, so that the steep beginning
// does not flatten the rest; without an evaluation, all. A small one has no
// labels.
type lossCurve struct {
	train, valid []spot
	steps        float64
	diverged     bool
	label        string
}

func newLossCurve(e htmlEntry) lossCurve {
	c := lossCurve{diverged: e.run.State() == record.Diverged, label: "Loss of " + e.name}
	see := func(step int) { c.steps = math.Max(c.steps, float64(step)) }
	for _, t := range e.metrics.Train {
		see(t.Step)
		if t.Loss.Finite() {
			c.train = append(c.train, spot{float64(t.Step), float64(t.Loss)})
		}
	}
	for _, v := range e.metrics.Eval {
		see(v.Step)
		if v.Loss.Finite() {
			c.valid = append(c.valid, spot{float64(v.Step), float64(v.Loss)})
		}
	}
	if s := e.run.Status; s != nil {
		see(s.Total)
	}
	return c
}

func (c lossCurve) empty() bool { return len(c.train)+len(c.valid) == 0 }

// limits returns the range of losses that is shown.
func (c lossCurve) limits() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	see := func(list []spot) {
		for _, s := range list {
			lo, hi = min(lo, s.y), max(hi, s.y)
		}
	}
	see(c.valid)
	if len(c.valid) < 2 {
		see(c.train)
	}
	for _, s := range c.train { // a loss below all evaluations is worth seeing
		lo = min(lo, s.y)
	}
	if hi-lo < 1e-9 {
		lo, hi = lo-0.5, hi+0.5
	}
	return lo, hi
}

// small draws the curve without labels, for the line of a run in a list.
func (c lossCurve) small() template.HTML {
	return c.draw("spark", 128, 36, 2, 2, 2, 2, false)
}

// large draws it with its axes.
func (c lossCurve) large() template.HTML {
	return c.draw("curve", 640, 190, 46, 14, 12, 26, true)
}

func (c lossCurve) draw(class string, width, height, left, right, top, bottom float64, labels bool) template.HTML {
	if c.empty() {
		if labels {
			return ""
		}
		return template.HTML(fmt.Sprintf(`<svg class="%s" viewBox="0 0 %g %g" role="img" aria-label="no losses yet"></svg>`, class, width, height))
	}
	lo, hi := c.limits()
	x := func(step float64) float64 { return left + (width-left-right)*step/math.Max(c.steps, 1) }
	y := func(loss float64) float64 { return top + (height-top-bottom)*(hi-loss)/(hi-lo) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="%s" viewBox="0 0 %g %g" role="img" aria-label="%s" preserveAspectRatio="%s">`,
		class, width, height, html.EscapeString(c.describe()), map[bool]string{true: "xMidYMid", false: "none"}[labels])
	if labels {
		fmt.Fprintf(&b, `<path class="axis" d="M%.1f,%.1fV%.1fH%.1f"/>`, left, top, height-bottom, width-right)
		for _, v := range []float64{lo, (lo + hi) / 2, hi} {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end">%.2f</text>`, left-6, y(v)+4, v)
		}
		for _, v := range []float64{0, math.Round(c.steps / 2), c.steps} {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x(v), height-bottom+16, map[bool]string{true: "end", false: "middle"}[v == c.steps], thousands(v))
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end">loss, nats/token, against updates</text>`, width-right, top+8)
	}
	b.WriteString(line("train", c.train, x, y, hi))
	b.WriteString(line("valid", c.valid, x, y, hi))
	if n := len(c.valid); labels && n > 0 && c.valid[n-1].y <= hi {
		fmt.Fprintf(&b, `<circle class="dot" cx="%.1f" cy="%.1f" r="2.5"/>`, x(c.valid[n-1].x), y(c.valid[n-1].y))
	}
	if c.diverged {
		at, size := math.Min(x(c.last()), width-right-4), map[bool]float64{true: 5, false: 3}[labels]
		fmt.Fprintf(&b, `<path class="bad" d="M%.1f,%.1fl%g,%gh%gZ"/>`, at, top, size, 2*size, -2*size)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// last is the update of the last known loss.
func (c lossCurve) last() (step float64) {
	for _, list := range [][]spot{c.train, c.valid} {
		if n := len(list); n > 0 {
			step = max(step, list[n-1].x)
		}
	}
	return step
}

// mostSpots bounds the points of a line. Of more, every second, third, … is drawn,
// and the last.
const mostSpots = 250

// line draws spots, as far as they are not above the axis.
func line(class string, spots []spot, x, y func(float64) float64, hi float64) string {
	stride := (len(spots) + mostSpots - 1) / mostSpots
	var b strings.Builder
	pen := "M"
	for i, s := range spots {
		if i%stride != 0 && i != len(spots)-1 {
			continue
		}
		if s.y > hi {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%.1f,%.1f", pen, x(s.x), y(s.y))
		pen = "L"
	}
	if b.Len() == 0 {
		return ""
	}
	return fmt.Sprintf(`<path class="%s" d="%s"/>`, class, b.String())
}

// describe says what the curve shows.
func (c lossCurve) describe() string {
	text := c.label
	if n := len(c.valid); n > 0 {
		text += fmt.Sprintf(": validation %s after %s updates to %s after %s", measure(c.valid[0].y), thousands(c.valid[0].x), measure(c.valid[n-1].y), thousands(c.valid[n-1].x))
	}
	if c.diverged {
		text += ", where it diverged"
	}
	return text
}

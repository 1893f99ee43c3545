package plots

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ranklab/harness/view"
)

// CSV returns the data of a chart, one line per point: the series, x, y, the
// ends of the 95 % interval, the numbers of runs averaged and diverged, and
// the ids of all runs behind the point. Bytes are bytes; missing values are
// empty.
//
// In front stands the facet, if there are facets. A heat map has the category
// of y as its series and z as its value. A frontier also has the configuration,
// the interval of x, and whether the point is on the Pareto front.
func CSV(chart view.Chart) ([]byte, error) {
	var b bytes.Buffer
	t := sheet{csv.NewWriter(&b), chart}
	t.write(t.head())
	for i, list := range [][]view.Series{chart.Baselines, chart.Series, chart.Lines, chart.Overlays} {
		for _, s := range list {
			across := i == 0 || i == 2 && len(s.Points) == 1 // a horizontal line: its x has no meaning
			for _, p := range s.Points {
				t.write(t.line(s, s.Label, p, across))
			}
			for _, p := range s.Points {
				for _, e := range p.Each {
					one := view.Point{X: e.X, Y: e.Y, Lo: math.NaN(), Hi: math.NaN(), N: 1, IDs: []string{e.ID}}
					t.write(t.line(s, fmt.Sprintf("%s, seed %d", s.Label, e.Seed), one, across))
				}
			}
		}
	}
	t.w.Flush()
	return b.Bytes(), t.w.Error()
}

// A sheet writes the lines of a chart.
type sheet struct {
	w     *csv.Writer
	chart view.Chart
}

func (t sheet) write(cells []string) { t.w.Write(cells) }

func (t sheet) frontier() bool { return t.chart.Figure.Kind == view.Frontier }

func (t sheet) head() []string {
	f := t.chart.Figure
	cells := []string{"series", f.X, f.Y, "ci95_low", "ci95_high", "runs", "diverged", "run_ids"}
	if f.Kind == view.HeatMap {
		cells[0], cells[2] = f.Y, f.Z
	}
	if t.frontier() {
		cells = slices.Concat(cells[:1], []string{"configuration"}, cells[1:5], []string{f.X + "_ci95_low", f.X + "_ci95_high", "front"}, cells[5:])
	}
	if len(t.chart.Panels) > 0 {
		cells = append([]string{f.Facet}, cells...)
	}
	return cells
}

func (t sheet) line(s view.Series, label string, p view.Point, across bool) []string {
	cells := []string{label, t.x(p, across), number(p.Y), number(p.Lo), number(p.Hi), strconv.Itoa(p.N), strconv.Itoa(p.Diverged), strings.Join(p.IDs, " ")}
	if t.frontier() {
		lo, hi, front := number(p.XLo), number(p.XHi), strconv.FormatBool(p.Front)
		if len(p.IDs) == 0 || across {
			lo, hi, front = "", "", ""
		}
		cells = slices.Concat(cells[:1], []string{p.Label}, cells[1:5], []string{lo, hi, front}, cells[5:])
	}
	if len(t.chart.Panels) > 0 {
		cells = append([]string{s.Panel}, cells...)
	}
	return cells
}

func (t sheet) x(p view.Point, across bool) string {
	switch {
	case across:
		return ""
	case t.chart.XScale == view.Category:
		return t.chart.Categories[int(p.X)]
	}
	if name, ok := t.chart.IsBeyond(p.X); ok {
		return name
	}
	return number(p.X)
}

func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return view.Number(v)
}

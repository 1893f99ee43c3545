package plots

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"

	"ranklab/harness/view"
)

// CSV returns the data of a chart, one line per point: the series, x, y, the
// ends of the 95 % interval, the numbers of runs averaged and diverged, and
// the ids of all runs behind the point. Bytes are bytes; missing values are
// empty.
func CSV(chart view.Chart) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"series", chart.Figure.X, chart.Figure.Y, "ci95_low", "ci95_high", "runs", "diverged", "run_ids"})
	line := func(label, x string, p view.Point) {
		w.Write([]string{label, x, number(p.Y), number(p.Lo), number(p.Hi), strconv.Itoa(p.N), strconv.Itoa(p.Diverged), strings.Join(p.IDs, " ")})
	}
	for _, s := range chart.Baselines {
		for _, p := range s.Points {
			line(s.Label, "", p)
		}
	}
	for _, s := range chart.Series {
		for _, p := range s.Points {
			x := number(p.X)
			if chart.XScale == view.Category {
				x = chart.Categories[int(p.X)]
			}
			line(s.Label, x, p)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	if a := math.Abs(v); a >= 1e-4 && a < 1e15 || a == 0 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

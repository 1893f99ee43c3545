package report

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

// compared are the results that a comparison shows, in this order.
func compared() []string {
	return []string{"ppl", "loss", "bits_per_byte", "ppl_galore77", "optimizer_state_bytes", "weights_bytes", "registered_bytes", "peak_bytes", "tokens_per_second", "threads", "train_seconds", "tokens_seen"}
}

// A comparison holds runs side by side.
type comparison struct {
	Runs     []comparedRun    `json:"runs"`
	Settings []map[string]any `json:"settings"` // {"name", "values"} of those that differ
	Results  []map[string]any `json:"results"`  // {"name", "values", "differences"}

	settings [][]string
	results  [][]string
}

type comparedRun struct {
	ID     string `json:"id"`
	Label  string `json:"label"`
	Method string `json:"method"`
	State  string `json:"state"`
}

// WriteComparison writes two or more finished runs side by side as Text,
// Markdown or JSON: the settings that differ, the results, and the difference
// of each result from the first run.
func WriteComparison(w io.Writer, runs []record.Run, format string) error {
	format, err := checkFormat(format, Text, Markdown, JSON)
	if err != nil {
		return err
	}
	if len(runs) < 2 {
		return errors.New("a comparison needs at least two runs")
	}
	c, err := compare(runs)
	if err != nil {
		return err
	}
	if format == JSON {
		return writeJSON(w, c)
	}
	header := []string{""}
	for _, r := range c.Runs {
		header = append(header, r.Label+" "+r.ID)
	}
	if len(c.settings) == 0 {
		c.settings = [][]string{append([]string{"no setting differs"}, make([]string, len(runs))...)}
	}
	rows := append(slices.Clone(c.settings), c.results...)
	return sheet{header: header, rows: rows, text: 1, ruled: len(c.settings)}.write(w, format)
}

func compare(runs []record.Run) (comparison, error) {
	c := comparison{Settings: []map[string]any{}}
	rows := make([]view.Row, len(runs))
	for i, r := range runs {
		var err error
		if rows[i], err = view.RowOf(r); err != nil {
			return c, err
		}
		label := rows[i].Label
		if label == "" {
			label = rows[i].Method
		}
		c.Runs = append(c.Runs, comparedRun{ID: record.ShortID(r.ID), Label: label, Method: rows[i].Method, State: r.State()})
	}
	c.compareSettings(rows)
	c.compareResults(rows)
	return c, nil
}

func (c *comparison) compareSettings(rows []view.Row) {
	names := map[string]bool{"method": true, "kind": true, "seed": true}
	for _, r := range rows {
		for name := range r.Settings {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		values := make([]any, len(rows))
		line := []string{name}
		same := true
		for i, r := range rows {
			values[i] = r.Value(name)
			same = same && values[i] == values[0]
			text := view.Format(values[i])
			if strings.HasSuffix(name, "_digest") {
				text = record.ShortID(text)
			}
			line = append(line, text)
		}
		if !same {
			c.settings = append(c.settings, line)
			c.Settings = append(c.Settings, map[string]any{"name": name, "values": values})
		}
	}
}

func (c *comparison) compareResults(rows []view.Row) {
	for _, name := range compared() {
		column := view.Describe(name)
		values, differences := make([]record.Float, len(rows)), make([]record.Float, len(rows))
		line := []string{column.Title()}
		known := false
		first := resultOf(rows[0], column)
		for i, r := range rows {
			v := resultOf(r, column)
			values[i], differences[i] = record.Float(v), record.Float(v-first)
			text := nothing
			if values[i].Finite() {
				text = quantity(column, v)
			} else if r.Diverged && column.Kind == view.Measure {
				text = "diverged"
			}
			known = known || text != nothing
			if i > 0 && differences[i].Finite() {
				text += difference(column, first, v)
			}
			line = append(line, text)
		}
		if known {
			c.results = append(c.results, line)
			c.Results = append(c.Results, map[string]any{"name": name, "values": values, "differences": differences})
		}
	}
}

// resultOf returns a result of a run; NaN for the quality of one that diverged,
// since what it measured before is not its outcome.
func resultOf(r view.Row, c view.Column) float64 {
	if r.Diverged && c.Kind == view.Measure {
		return math.NaN()
	}
	return r.Results[c.Name]
}

// difference writes how much v is above the first run's value, in its unit and
// in percent.
func difference(c view.Column, first, v float64) string {
	d := v - first
	if d == 0 {
		return " (=)"
	}
	sign := "+"
	if d < 0 {
		sign = "−"
	}
	text := quantity(c, math.Abs(d))
	if c.Kind == view.Measure {
		text = fmt.Sprintf("%.*f", measureDigits(first), math.Abs(d))
	}
	if first == 0 {
		return " (" + sign + text + ")"
	}
	return fmt.Sprintf(" (%s%s, %s%.1f %%)", sign, text, sign, 100*math.Abs(d/first))
}

package view

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/harness/expr"
	"ranklab/harness/stats"
)

// selected is what a selection of a claim found: one exact value, which is then
// the mean of its term, or one value per seed.
type selected struct {
	term   Term
	bySeed map[int]float64
}

func (s selected) seeds() []int { return slices.Sorted(maps.Keys(s.bySeed)) }

// selected evaluates a selection. The error is made of [*AbsentError] alone when
// the runs may yet come.
func (j *judge) selected(n *expr.Node) (selected, error) {
	column := Describe(n.Column)
	s := selected{bySeed: make(map[int]float64)}
	s.term = Term{Text: n.Span.Of(j.text), Column: column, Exact: column.Exact || !column.Metric, Mean: stats.Of(nil)}
	where := make(map[string]any, len(n.Filters))
	var names []string
	for _, f := range n.Filters {
		where[f.Key] = f.Value
		names = append(names, f.Key)
	}
	if err := checkColumn(n.Column, j.rows); err != nil {
		return s, err
	}
	rows, _, err := filter(j.rows, where)
	if err != nil {
		return s, err
	}
	if len(rows) == 0 {
		return s, &AbsentError{"no finished run"}
	}
	cell := group{columns: names, rows: rows}
	for _, name := range names {
		cell.key = append(cell.key, rows[0].Value(name))
	}
	if err := cell.checkHidden(); err != nil {
		return s, j.named(n, err)
	}
	var values []float64
	for _, r := range rows {
		s.term.Runs++
		s.term.IDs = append(s.term.IDs, shortID(r.ID))
		if r.Diverged {
			s.term.Diverged++
		}
		switch v, ok := r.Value(n.Column).(float64); {
		case r.Diverged && !s.term.Exact:
			s.bySeed[r.Seed] = missing
			if isLoss(n.Column) {
				s.bySeed[r.Seed] = math.Inf(1)
			}
		case ok && !math.IsInf(v, 0):
			s.bySeed[r.Seed] = v
			values = append(values, v)
		case !column.Metric && r.Value(n.Column) != nil:
			return s, fmt.Errorf("%s is %s: a claim compares numbers", s.term.Text, Format(r.Value(n.Column)))
		}
	}
	if d := s.term.Diverged; d > 0 && !s.term.Exact {
		j.note("%s: %s diverged and %s no %s", s.term.Text, ofRuns(d, len(rows)), map[bool]string{true: "has", false: "have"}[d == 1], column.Name)
	}
	s.term.Mean = stats.Of(values)
	switch {
	case len(s.bySeed) == 0:
		return s, &AbsentError{fmt.Sprintf("no run has a value of %s", column.Name)}
	case s.term.Exact && len(values) == 0:
		return s, &AbsentError{fmt.Sprintf("no run has a value of %s", column.Name)}
	case s.term.Exact:
		s.term.Mean = stats.Mean{N: 1, Value: values[0], SD: missing, Lo: missing, Hi: missing}
		return s, checkExact(n.Column, s.term.Text, values)
	}
	return s, nil
}

// named says which setting a selection leaves open.
func (j *judge) named(n *expr.Node, err error) error {
	var hidden *HiddenDimensionError
	if !errors.As(err, &hidden) {
		return err
	}
	value := Format(hidden.Values[len(hidden.Values)-1])
	if strings.ContainsAny(value, " ,=[]()'\"") {
		value = "'" + value + "'"
	}
	filter := hidden.Dimension + "=" + value
	return fmt.Errorf("%s varies within %s (%s): name one, as in %s", hidden.Dimension, n.Span.Of(j.text), formatList(hidden.Values), selectionName(n, j.text, filter))
}

// isLoss reports whether a column is a loss or grows with one, so that a run
// that diverged stands for an infinite value.
func isLoss(column string) bool {
	return slices.Contains([]string{"ppl", "loss", "bits_per_byte", "ppl_galore77", "best_ppl", "best_loss"}, column)
}

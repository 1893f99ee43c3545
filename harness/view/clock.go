package view

import (
	"slices"

	"ranklab/harness/record"
)

// A clock knows when each update of a run was done.
type clock []record.TimingRow

// clock returns the elapsed time of training and evaluation along a run. Where
// updates were computed again after an interruption, the last time counts. It
// is empty for a run whose timings were not kept, as in published results.
func (r Row) clock() (clock, error) {
	if r.Timing == nil {
		return nil, nil
	}
	rows, err := r.Timing()
	if err != nil {
		return nil, err
	}
	var c clock
	for _, row := range rows {
		for len(c) > 0 && c[len(c)-1].Step >= row.Step {
			c = c[:len(c)-1]
		}
		c = append(c, row)
	}
	return c, nil
}

// at returns the seconds after which an update was done: interpolated between
// rows, from 0 at the start. It is false behind the last row.
func (c clock) at(step int) (float64, bool) {
	i, _ := slices.BinarySearchFunc(c, step, func(row record.TimingRow, step int) int { return row.Step - step })
	if i == len(c) {
		return 0, false
	}
	var from record.TimingRow
	if i > 0 {
		from = c[i-1]
	}
	to := c[i]
	if to.Step == from.Step {
		return float64(to.ElapsedS), true
	}
	share := float64(step-from.Step) / float64(to.Step-from.Step)
	return float64(from.ElapsedS) + share*float64(to.ElapsedS-from.ElapsedS), true
}

// onClock gives samples by step their seconds and drops those without.
func (c clock) onClock(list []sample) []sample {
	var timed []sample
	for _, s := range list {
		if x, ok := c.at(s.step); ok {
			s.x = x
			timed = append(timed, s)
		}
	}
	return timed
}

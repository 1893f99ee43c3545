package view

import (
	"fmt"
	"math"
	"slices"
)

// A Beyond is a value of x that is no number, "never" among intervals, and its
// place on an axis of numbers: behind them, after a gap.
type Beyond struct {
	Name string
	At   float64
}

// beyondGap is the width of the gap as a share of the range of the numbers.
const beyondGap = 0.17

// placeBeyond puts the values that are no numbers behind those that are.
func (c *Chart) placeBeyond(values []any) error {
	var numbers []float64
	var names []any
	for _, v := range values {
		switch v := v.(type) {
		case float64:
			numbers = append(numbers, v)
		default:
			names = append(names, v)
		}
	}
	if c.Figure.Kind != Line || len(numbers) < 2 || len(names) > 2 {
		return fmt.Errorf("%s has values that are not numbers (%s): use xscale = %q", c.Figure.X, formatList(values), Category)
	}
	lo, hi := slices.Min(numbers), slices.Max(numbers)
	for i, name := range names {
		share := beyondGap * float64(i+1)
		at := hi + share*(hi-lo)
		if c.XScale == Log && lo > 0 {
			at = hi * math.Pow(hi/lo, share)
		}
		c.Beyond = append(c.Beyond, Beyond{Format(name), at})
	}
	return nil
}

// IsBeyond returns the name of a place behind the numbers of the x axis.
func (c Chart) IsBeyond(x float64) (name string, ok bool) {
	for _, b := range c.Beyond {
		if b.At == x {
			return b.Name, true
		}
	}
	return "", false
}

package relora

import (
	"slices"
	"testing"
)

// The time of bias correction in updates 0 … 9 with resets every 3 updates:
// with merge_at = reference the first reset comes after update 3, not 2.
func TestTime(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   []int
	}{
		{Config{MergeAt: Boundary, CycleLength: 3}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{Config{MergeAt: Boundary, CycleLength: 3, ResetStep: true}, []int{1, 2, 3, 1, 2, 3, 1, 2, 3, 1}},
		{Config{MergeAt: Reference, CycleLength: 3, ResetStep: true}, []int{1, 2, 3, 4, 1, 2, 3, 1, 2, 3}},
	} {
		var got []int
		for u := range 10 {
			got = append(got, c.config.time(u))
			// Time starts again exactly after a reset.
			if _, reset := c.config.due(u, 3); c.config.ResetStep && u > 0 && reset != (got[u] == 1) {
				t.Errorf("%s: update %d has time %d, a reset before it: %v", c.config.MergeAt, u, got[u], reset)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s, reset_step %v: %v, want %v", c.config.MergeAt, c.config.ResetStep, got, c.want)
		}
	}
}

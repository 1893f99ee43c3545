package spec

import "slices"

// Diagnostics asks a run to look at its subspaces while it trains. It costs time
// and memory and changes no bit of the numbers.
type Diagnostics struct {
	Subspace   bool  `toml:"subspace" json:"subspace" identity:"run,omitzero"`       // write subspace.jsonl
	After      []int `toml:"after" json:"after,omitempty" identity:"run,omitzero"`   // updates after a refresh in which its basis meets later gradients
	NthRefresh int   `toml:"nth_refresh" json:"nth_refresh" identity:"run,omitzero"` // look at every n-th refresh only
}

// fillDefaults: after 1, 10 and 50 updates, and each refresh.
func (d *Diagnostics) fillDefaults(explicit func(string) bool) {
	if !d.Subspace {
		return
	}
	setDefault(explicit, "diagnostics.after", &d.After, []int{1, 10, 50})
	setDefault(explicit, "diagnostics.nth_refresh", &d.NthRefresh, 1)
}

// maxAfter bounds the updates that are looked at between two refreshes.
const maxAfter = 64

func (d Diagnostics) check(c *checker, r Run) {
	if !d.Subspace || c.skip("diagnostics.subspace", "method.kind") {
		return
	}
	if kind := r.Method.Kind; kind != "galore" && slices.Contains(kinds(), kind) {
		c.failHint([]string{"diagnostics.subspace"}, "ask for it where there is one: diagnostics.subspace = true in [method.NAME] of a galore",
			"diagnostics.subspace looks at the projector of galore, which %s does not have", kind)
		return
	}
	c.atLeast("diagnostics.nth_refresh", d.NthRefresh, 1)
	if batch := r.Train.TotalBatchSize; batch == 1 && !c.skip("train.total_batch_size") {
		c.failAt([]string{"diagnostics.subspace", "train.total_batch_size"}, "diagnostics.subspace compares two halves of a batch: total_batch_size must be at least 2")
	}
	if c.skip("diagnostics.after") {
		return
	}
	if len(d.After) > maxAfter {
		c.fail("diagnostics.after", "after names %d updates; %d is the most", len(d.After), maxAfter)
	}
	for i, n := range d.After {
		switch {
		case n < 1 || n > maxInt:
			c.fail("diagnostics.after", "after counts updates since a refresh, from 1 on: %d is none", n)
		case slices.Contains(d.After[:i], n):
			c.fail("diagnostics.after", "after names %d twice", n)
		}
	}
}

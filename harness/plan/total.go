package plan

import (
	"slices"

	"ranklab/harness/record"
)

// A Total is what the runs that are still to be trained take together.
type Total struct {
	Runs        int
	Jobs        int     // runs at a time, as far as the memory has room
	Seconds     float64 // with that many at a time
	How         string  // record.Calibrated if every time is, else record.Rough
	FLOPs       float64
	LargestNeed int64 // bytes of the largest process
	Need        int64 // bytes of the processes that may run at the same time
	Disk        int64 // bytes of the checkpoints that stay
}

// Total sums a plan up, with jobs run at a time where there is room for them.
func (p *Plan) Total(jobs int) Total {
	t := Total{How: record.Calibrated}
	var sum, longest float64
	var needs []int64
	for _, it := range p.Items {
		if !it.pending() {
			continue
		}
		t.Runs++
		sum += it.Left.Seconds()
		longest = max(longest, it.Left.Seconds())
		if it.Left.How != record.Calibrated {
			t.How = record.Rough
		}
		t.FLOPs += it.Left.FLOPs
		t.Disk += it.Disk
		needs = append(needs, it.Need)
	}
	// The largest runs may come together.
	slices.Sort(needs)
	slices.Reverse(needs)
	for _, need := range needs[:min(max(jobs, 1), len(needs))] {
		if t.Jobs > 0 && p.Memory > 0 && t.Need+need > p.Memory {
			break
		}
		t.Jobs++
		t.Need += need
	}
	if len(needs) > 0 {
		t.LargestNeed = needs[0]
	}
	t.Seconds = max(sum/float64(max(t.Jobs, 1)), longest)
	return t
}

// pending reports whether the sweep would train the run.
func (it Item) pending() bool { return it.Action != Reuse && it.Action != Refused }

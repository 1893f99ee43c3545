package plan

import (
	"slices"

	"ranklab/harness/record"
	"ranklab/harness/train"
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
	DiskMost    int64 // bytes of the checkpoints while the runs are trained
	DiskStored  int64 // bytes of the checkpoints that are there already
}

// Checkpoints returns the bytes of a run's checkpoints: at most while it trains,
// and when it is done.
func (it Item) Checkpoints() (training, done int64) {
	most, stay := train.Checkpoints(it.Instance.Run.Train)
	return int64(most) * it.Disk, int64(stay) * it.Disk
}

// Total sums a plan up, with jobs run at a time where there is room for them.
func (p *Plan) Total(jobs int) Total {
	t := Total{How: record.Calibrated}
	var sum, longest float64
	var needs, passing []int64
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
		training, done := it.Checkpoints()
		t.Disk += done
		t.DiskStored += it.stored
		needs, passing = append(needs, it.Need), append(passing, training-done)
	}
	// The largest runs may come together, and last.
	for _, list := range [][]int64{needs, passing} {
		slices.Sort(list)
		slices.Reverse(list)
	}
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
	t.DiskMost = t.Disk
	for _, bytes := range passing[:t.Jobs] {
		t.DiskMost += bytes
	}
	t.Seconds = max(sum/float64(max(t.Jobs, 1)), longest)
	return t
}

// pending reports whether the sweep would train the run.
func (it Item) pending() bool { return it.Action != Reuse && it.Action != Refused }

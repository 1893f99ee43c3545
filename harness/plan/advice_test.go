package plan

import (
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/spec"
)

// toy is the memory of a run as the advice sees it: gradients that layer-wise
// updates spare, and activations that grow with the micro-batch or, computed
// again, hardly.
func toy(weights, gradients, activations int64) func(spec.Run) (int64, error) {
	return func(s spec.Run) (int64, error) {
		t := s.Train
		sum := weights
		if !t.Layerwise {
			sum += gradients
		}
		each := activations
		if t.ActivationCheckpointing {
			each /= 10
		}
		return (sum + each*int64(t.BatchSize)) << 20, nil
	}
}

func TestAlternatives(t *testing.T) {
	for _, c := range []struct {
		name                            string
		weights, gradients, activations int64 // MiB; activations per sequence
		change                          func(*spec.Train)
		limit                           int64 // MiB that the buffers may take
		want                            string
		smallest                        string // checked where nothing fits
	}{
		{"layer-wise updates are enough", 100, 100, 10, nil, 270,
			"train.layerwise = true; train.activation_checkpointing = true; train.batch_size = 4", ""},
		{"only computing again is enough", 100, 10, 100, nil, 280,
			"train.activation_checkpointing = true; train.batch_size = 1", ""},
		{"both are needed", 100, 100, 50, nil, 190,
			"train.layerwise = true and train.activation_checkpointing = true", ""},
		{"a smaller batch and computing again", 100, 100, 100, nil, 270,
			"train.layerwise = true and train.activation_checkpointing = true; train.batch_size = 4 and train.activation_checkpointing = true", ""},
		{"clipping forbids layer-wise", 100, 100, 10, func(t *spec.Train) { t.GradClipping = 1 }, 219,
			"train.activation_checkpointing = true; train.batch_size = 1", ""},
		{"so does accumulation", 100, 100, 10, func(t *spec.Train) { t.TotalBatchSize = 32 }, 250,
			"train.activation_checkpointing = true; train.batch_size = 4", ""},
		{"accumulation that divides", 100, 10, 10, func(t *spec.Train) { t.BatchSize, t.TotalBatchSize = 12, 12 }, 150,
			"train.activation_checkpointing = true; train.batch_size = 4", ""},
		{"layer-wise already", 100, 5, 100, func(t *spec.Train) { t.Layerwise = true }, 306,
			"train.activation_checkpointing = true; train.batch_size = 2 and train.layerwise = false", ""},
		{"computed again already", 100, 100, 100, func(t *spec.Train) { t.ActivationCheckpointing = true }, 270,
			"train.layerwise = true; train.batch_size = 4", ""},
		{"nothing helps", 100, 100, 10, nil, 90,
			"", "train.layerwise = true and train.activation_checkpointing = true"},
		{"one sequence, nothing left", 100, 100, 10, func(t *spec.Train) {
			t.BatchSize, t.TotalBatchSize, t.Layerwise, t.ActivationCheckpointing = 1, 1, true, true
		}, 90, "", ""},
	} {
		s := spec.Run{Train: spec.Train{BatchSize: 16, TotalBatchSize: 16}}
		if c.change != nil {
			c.change(&s.Train)
		}
		fitting, smallest, err := alternatives(s, Need(c.limit<<20), toy(c.weights, c.gradients, c.activations))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range fitting {
			got = append(got, a.Change)
			if a.OtherNumbers != strings.Contains(a.Change, "batch_size") || a.Bytes > Need(c.limit<<20) {
				t.Errorf("%s: %+v", c.name, a)
			}
		}
		if strings.Join(got, "; ") != c.want || len(fitting) == 0 && smallest.Change != c.smallest {
			t.Errorf("%s: %q, smallest %q\nwant %q, %q", c.name, strings.Join(got, "; "), smallest.Change, c.want, c.smallest)
		}
	}
}

func TestAdvice(t *testing.T) {
	low := spec.Run{Method: spec.Method{Rank: 4}}
	a := Alternative{Change: "train.layerwise = true", Bytes: 3 << 30}
	b := Alternative{Change: "train.batch_size = 2", Bytes: 800 << 20, OtherNumbers: true}
	for _, c := range []struct {
		s        spec.Run
		fitting  []Alternative
		smallest Alternative
		want     string
	}{
		{low, []Alternative{a, b}, b, "it fits with train.layerwise = true (3.0 GiB); or with train.batch_size = 2 (800 MiB, another numbers_id)"},
		{low, nil, b, "the least it gets to is with train.batch_size = 2 (800 MiB, another numbers_id): try a smaller model or rank"},
		{spec.Run{}, nil, Alternative{}, "there is no setting left that takes less: try a smaller model"},
	} {
		if got := advice(c.s, c.fitting, c.smallest); got != c.want {
			t.Errorf("got %q\nwant %q", got, c.want)
		}
	}
}

// TestTotal: as many jobs at a time as have room, whichever they are, and what
// is reused or refused takes nothing.
func TestTotal(t *testing.T) {
	item := func(action string, need int64, seconds float64, how string) Item {
		it := Item{Action: action, Need: need, Disk: 1}
		it.Left = Cost{How: how, FLOPs: 10}
		it.Left.Time.TrainS = record.Float(seconds)
		return it
	}
	p := &Plan{Items: []Item{
		item(New, 40, 100, "calibrated"), item(Resume, 30, 50, "calibrated"), item(Reuse, 90, 0, ""), item(Refused, 900, 1000, "rough"), item(New, 20, 30, "calibrated"),
	}}
	for _, c := range []struct {
		jobs    int
		memory  int64
		want    int
		seconds float64
		need    int64
	}{{1, 0, 1, 180, 40}, {2, 0, 2, 100, 70}, {2, 70, 2, 100, 70}, {2, 69, 1, 180, 40}, {8, 89, 2, 100, 70}, {8, 90, 3, 100, 90}, {0, 0, 1, 180, 40}} {
		p.Memory = c.memory
		got := p.Total(c.jobs)
		if got.Jobs != c.want || got.Seconds != c.seconds || got.Need != c.need || got.Runs != 3 || got.FLOPs != 30 || got.Disk != 3 || got.LargestNeed != 40 || got.How != "calibrated" {
			t.Errorf("%d jobs, memory %d: %+v", c.jobs, c.memory, got)
		}
	}
	// A run has up to three checkpoints while it trains, of which one stays.
	for i := range p.Items {
		p.Items[i].Instance.Run.Train = spec.Train{Steps: 10, CheckpointEvery: 2}
	}
	p.Memory = 0
	if one, two := p.Total(1), p.Total(2); one.Disk != 3 || one.DiskMost != 3+2 || two.DiskMost != 3+2+2 {
		t.Errorf("%d bytes of checkpoints, at most %d, two at a time %d", one.Disk, one.DiskMost, two.DiskMost)
	}
	p.Items[0].Left.How = "rough"
	if got := p.Total(1); got.How != "rough" {
		t.Errorf("one rough time, and the sum is %s", got.How)
	}
}

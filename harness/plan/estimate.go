package plan

import (
	"context"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// estimate fills in what the runs take.
func (p *Plan) estimate(ctx context.Context, c *calibrator, evals evaluations, stored []record.Run, device *tensor.Device) error {
	roughly := func(v volume, s spec.Run) (arithmetic, record.Durations, error) {
		a, err := v.arithmetic(device)
		return a, v.rough(a, p.Rate.of(s.Method.Kind, device.Threads(), stored), p.Rate.refresh(s.Method.Projector, device.Threads())), err
	}
	var runs []candidate
	for _, it := range p.Items {
		// A run that another process trains is nearly reused.
		if it.pending() && it.Action != Running {
			s := it.Instance.Run
			_, rough, err := roughly(volumeOf(s, it.Step, evals.positions(s), it.Memory), s)
			if err != nil {
				return err
			}
			for _, phase := range phases(s, 0) {
				runs = append(runs, candidate{phase.run, float64(rough.Total())})
			}
		}
	}
	if err := c.calibrate(ctx, runs); err != nil {
		return err
	}
	p.Notes = append(p.Notes, c.notes...)
	for i := range p.Items {
		it := &p.Items[i]
		if it.Action == Reuse {
			continue
		}
		s := it.Instance.Run
		costOf := func(done int) (Cost, error) {
			v := volumeOf(s, done, evals.positions(s), it.Memory)
			a, rough, err := roughly(v, s)
			if err != nil {
				return Cost{}, err
			}
			cost := Cost{How: record.Rough, Time: rough, FLOPs: a.sum()}
			if known, ok := c.of(v.phases); ok {
				cost.How, cost.Time = record.Calibrated, v.calibrated(known)
			}
			return cost, nil
		}
		var err error
		if it.Whole, err = costOf(0); err != nil {
			return err
		}
		if it.Left = it.Whole; it.Step > 0 {
			if it.Left, err = costOf(it.Step); err != nil {
				return err
			}
		}
	}
	return nil
}

// An evaluations finds the evaluation sets of runs, each once.
type evaluations struct {
	corpora map[string]*corpus.Set // by corpusKey
	known   map[evaluation]*corpus.Eval
}

// An evaluation is what its set depends on.
type evaluation struct {
	corpus, packing string
	length, tokens  int
}

// of returns the set of a run; nil where the corpus is not at hand.
func (e evaluations) of(s spec.Run) *corpus.Eval {
	key := evaluation{corpusKey(s), s.Data.Packing, s.Train.MaxLength, s.Eval.Tokens}
	set := e.corpora[key.corpus]
	if set == nil {
		return nil
	}
	if e.known[key] == nil {
		e.known[key] = train.EvalSet(s, set)
	}
	return e.known[key]
}

// positions returns the positions of one evaluation of a run: where the corpus is
// at hand those of its fixed set, padding included, and else the tokens that were
// asked for.
func (e evaluations) positions(s spec.Run) float64 {
	if set := e.of(s); set != nil {
		return float64(set.Sequences * set.T)
	}
	return float64(s.Eval.Tokens)
}

// Record is the estimate as the run's folder keeps it.
func (it Item) Record(threads int) record.Estimate {
	return record.Estimate{
		How: it.Whole.How, Threads: threads, Time: it.Whole.Time, TotalS: it.Whole.Time.Total(),
		FLOPs: record.Float(it.Whole.FLOPs), Memory: it.Memory, MemoryBytes: it.Bytes, DiskBytes: it.Disk,
	}
}

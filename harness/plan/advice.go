package plan

import (
	"fmt"
	"strings"

	"ranklab/harness/spec"
)

// An Alternative is a run with other settings that take less memory.
type Alternative struct {
	Change string `json:"change"` // "train.layerwise = true"
	Bytes  int64  `json:"bytes"`  // what its process needs
	// OtherNumbers says that it is another experiment: the micro-batch is part of
	// what determines a run's numbers. The others end with the same bits.
	OtherNumbers bool `json:"other_numbers,omitempty"`
}

func (a Alternative) String() string {
	s := a.Change + " (" + gibibytes(a.Bytes)
	if a.OtherNumbers {
		s += ", another numbers_id"
	}
	return s + ")"
}

func gibibytes(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// A remedy changes a run so that it takes less memory.
type remedy struct {
	Alternative
	run spec.Run
}

// layerwised updates each parameter at once; ok is false where the spec does
// not allow it, or it is so already.
func (r remedy) layerwised() (_ remedy, ok bool) {
	t := &r.run.Train
	if t.Layerwise || t.GradClipping > 0 || t.BatchSize != t.TotalBatchSize {
		return r, false
	}
	t.Layerwise = true
	return r.and("train.layerwise = true"), true
}

// checkpointed computes activations twice instead of keeping them.
func (r remedy) checkpointed() (_ remedy, ok bool) {
	t := &r.run.Train
	if t.ActivationCheckpointing {
		return r, false
	}
	t.ActivationCheckpointing = true
	return r.and("train.activation_checkpointing = true"), true
}

// batched accumulates smaller micro-batches, which layer-wise updates cannot.
func (r remedy) batched(size int) remedy {
	t := &r.run.Train
	t.BatchSize, r.OtherNumbers = size, true
	r = r.and(fmt.Sprintf("train.batch_size = %d", size))
	if t := &r.run.Train; t.Layerwise {
		t.Layerwise = false
		r = r.and("train.layerwise = false")
	}
	return r
}

func (r remedy) and(change string) remedy {
	if r.Change != "" {
		change = r.Change + " and " + change
	}
	r.Change = change
	return r
}

// alternatives looks for settings with which a run fits into a number of bytes,
// the least intrusive first: those that keep the numbers, and of smaller
// micro-batches the largest. A change that contains one that is enough by itself
// is left out. smallest is what takes least of all that was tried.
func alternatives(s spec.Run, limit int64, bytes func(spec.Run) (int64, error)) (fitting []Alternative, smallest Alternative, err error) {
	fits := func(r remedy) (bool, error) {
		registered, err := bytes(r.run)
		if err != nil {
			return false, fmt.Errorf("%s: %w", r.Change, err)
		}
		r.Bytes = Need(registered)
		if smallest.Bytes == 0 || r.Bytes < smallest.Bytes {
			smallest = r.Alternative
		}
		if r.Bytes > limit {
			return false, nil
		}
		fitting = append(fitting, r.Alternative)
		return true, nil
	}

	asIs := remedy{run: s}
	layerwise, canUpdate := asIs.layerwised()
	checkpointing, canRecompute := asIs.checkpointed()
	var updated, recomputed bool
	if canUpdate {
		if updated, err = fits(layerwise); err != nil {
			return nil, smallest, err
		}
	}
	if canRecompute {
		if recomputed, err = fits(checkpointing); err != nil {
			return nil, smallest, err
		}
	}
	if both, _ := layerwise.checkpointed(); canUpdate && canRecompute && !updated && !recomputed {
		if _, err := fits(both); err != nil {
			return nil, smallest, err
		}
	}

	batched, combined := false, recomputed // recomputing alone is less
	for size := s.Train.BatchSize - 1; size >= 1 && !batched; size-- {
		if s.Train.TotalBatchSize%size != 0 {
			continue
		}
		smaller := asIs.batched(size)
		if batched, err = fits(smaller); err != nil {
			return nil, smallest, err
		}
		if both, ok := smaller.checkpointed(); ok && !batched && !combined {
			if combined, err = fits(both); err != nil {
				return nil, smallest, err
			}
		}
	}
	return fitting, smallest, nil
}

// advice says in words what would fit.
func advice(s spec.Run, fitting []Alternative, smallest Alternative) string {
	if len(fitting) > 0 {
		var list []string
		for _, a := range fitting {
			list = append(list, a.String())
		}
		return "it fits with " + strings.Join(list, "; or with ")
	}
	smaller := "a smaller model"
	if s.Method.Rank > 0 {
		smaller += " or rank"
	}
	if smallest.Bytes == 0 {
		return "there is no setting left that takes less: try " + smaller
	}
	return "the least it gets to is with " + smallest.String() + ": try " + smaller
}

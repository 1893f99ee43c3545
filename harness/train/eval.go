package train

import (
	"context"
	"errors"
	"math"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/internal/failpoint"
	"ranklab/models"
	"ranklab/tensor"
)

// errCutOff says that an evaluation was given up, since the run is to stop.
var errCutOff = errors.New("cut off")

// evaluate computes the loss on the fixed evaluation set: the sum of all token
// losses over the number of target tokens, in sequence order.
//
// Beside it stands the estimator of the GaLore repository (GaLore#77): the
// mean loss of each batch of eval.batch_size sequences, summed and divided by
// the number of batches plus one, so that its perplexity is too low.
//
// When ctx ends, it does so soon, with errCutOff.
func (r *runner) evaluate(ctx context.Context, set *corpus.Eval) (record.EvalRow, error) {
	t, length := r.spec.Train, r.spec.Train.MaxLength
	var sum, batchSum, batchMeans float64
	var batchTargets, inBatch, batches int
	closeBatch := func() {
		if batchTargets > 0 {
			batchMeans += batchSum / float64(batchTargets)
			batches++
		}
		batchSum, batchTargets, inBatch = 0, 0, 0
	}
	for first := 0; first < set.Sequences; first += t.BatchSize {
		if ctx.Err() != nil {
			return record.EvalRow{}, errCutOff
		}
		n := min(t.BatchSize, set.Sequences-first)
		tokens, targets := r.tokens[:n*length], r.targets[:n*length]
		for i := range n {
			r.counts[i] = set.Sequence(first+i, tokens[i*length:(i+1)*length], targets[i*length:(i+1)*length])
		}
		b := models.Batch{B: n, T: length, Tokens: tokens, Targets: targets}
		r.model.Losses(b, r.losses[:n*length])
		failpoint.Here("evaluating")
		for i := range n {
			losses := r.losses[i*length : (i+1)*length] // 0 where there is no target
			sum, batchSum = tensor.Total(sum, losses), tensor.Total(batchSum, losses)
			batchTargets += r.counts[i]
			if inBatch++; inBatch == r.spec.Eval.BatchSize {
				closeBatch()
			}
		}
	}
	closeBatch()
	loss := sum / float64(set.Targets)
	return record.EvalRow{
		K: "eval", Split: record.Validation, Targets: int64(set.Targets),
		Loss:        record.Float(loss),
		PPL:         record.Float(tensor.Exp(loss)),
		BitsPerByte: record.Float(sum / math.Ln2 / float64(set.Bytes)),
		PPLGalore77: record.Float(tensor.Exp(batchMeans / float64(batches+1))),
	}, nil
}

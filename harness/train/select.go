package train

import (
	"context"
	"fmt"
	"time"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
)

// SelectSet returns the second fixed set of a run, by which trials are chosen:
// the sequences of the validation split that follow those of [EvalSet] in the
// same order. The set that results are reported on is the same with it and
// without. It is nil for a run that asks for none.
func SelectSet(s spec.Run, set *corpus.Set) (*corpus.Eval, error) {
	if s.Eval.SelectTokens == 0 {
		return nil, nil
	}
	reported := EvalSet(s, set)
	choice := reported.Next(s.Eval.SelectTokens)
	if choice.Targets < s.Eval.SelectTokens {
		return nil, fmt.Errorf("the validation split holds %d target tokens in %d sequences of %d; the set that results are reported on takes %d of them, which leaves %d to choose by: "+
			"too few for eval.select_tokens = %d. Raise data.val_fraction, or lower eval.tokens (%d) or the size of the selection set",
			reported.Targets+choice.Targets, reported.Sequences+choice.Sequences, s.Train.MaxLength, reported.Targets, choice.Targets, s.Eval.SelectTokens, s.Eval.Tokens)
	}
	return choice, nil
}

// evaluateChoice evaluates the result of the run on its selection set. reason is
// not empty when the run has diverged.
func (t *training) evaluateChoice(ctx context.Context) (reason string, err error) {
	began := time.Now()
	row, err := t.evaluate(ctx, t.choice)
	t.at.EvalS += time.Since(began).Seconds()
	if err != nil {
		return "", err
	}
	row.Split = record.Select
	row.Step, row.TokensSeen, row.Positions = t.at.Step, t.at.TokensSeen, t.at.Positions
	t.meter.sample(t.at.Step, "evaluation")
	t.chosen = &row
	if err := t.writer.Eval(row); err != nil {
		return "", err
	}
	if !row.Loss.Finite() {
		return t.diverged(fmt.Sprintf("loss on the selection set is %v at step %d", float64(row.Loss), t.at.Step))
	}
	return "", nil
}

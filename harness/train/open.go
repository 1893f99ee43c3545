package train

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// ErrNoCheckpoint says that a run has left nothing to read weights from.
var ErrNoCheckpoint = errors.New("the run has no checkpoint")

// A Stored is the model of a run as a checkpoint has it, adapters beside their
// weights.
type Stored struct {
	Model *models.Llama
	Step  int      // updates applied
	Notes []string // checkpoints that were passed over, and why
}

// Open loads the model of a run from the newest sound checkpoint below ckpt, the
// run's folder of checkpoints, or from that of a step, 0 or more. It needs
// the memory of the weights, not that of training, and changes nothing in the
// folder: another process may be training the run. Without any checkpoint the
// error is [ErrNoCheckpoint].
func Open(s spec.Run, ckpt string, step int, device *tensor.Device) (*Stored, error) {
	names, err := checkpoints(ckpt)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, ErrNoCheckpoint
	}
	out := &Stored{}
	for _, name := range names {
		path := filepath.Join(ckpt, name)
		pos, err := readPosition(path)
		if err == nil && step >= 0 && pos.Step != step {
			continue
		}
		if err == nil {
			err = verify(path, pos)
		}
		if err == nil {
			out.Model, err = loadModel(s, path, pos.Step, device)
		}
		if err == nil {
			out.Step = pos.Step
			return out, nil
		}
		out.Notes = append(out.Notes, fmt.Sprintf("checkpoint %s is damaged: %v", name, err))
	}
	if len(out.Notes) > 0 {
		return nil, fmt.Errorf("no sound checkpoint below %s: %s", ckpt, out.Notes[0])
	}
	return nil, fmt.Errorf("the run has no checkpoint of step %d; there are %v", step, names)
}

// loadModel builds the model of a run after some updates, as its method shapes
// it, and fills it from a checkpoint.
func loadModel(s spec.Run, path string, step int, device *tensor.Device) (*models.Llama, error) {
	method, err := NewMethod(s)
	if err != nil {
		return nil, err
	}
	r := &runner{spec: s, model: models.New(s.Model.Config), method: method}
	// What the method would keep between updates is not needed.
	env := optim.Env{Device: device, Ledger: memory.Predict(), Key: random.New(uint64(s.Seed.Init)), Start: step, Steps: s.Train.Steps, State: precision(s.Train.StateDtype)}
	if err := method.Attach(r.model, env); err != nil {
		return nil, fmt.Errorf("method %s: %w", s.Method.Name, err)
	}
	for _, p := range r.model.Params() {
		p.Init = func(*tensor.Device, tensor.Matrix, random.Key) {} // the checkpoint has them all
	}
	r.model.Allocate(models.Runtime{Device: device, Ledger: memory.New(), Key: env.Key, Weights: precision(s.Train.Dtype)}, 1, 1, false)
	return r.model, readTensors(filepath.Join(path, modelFile), r.weights())
}

// Evaluate computes the loss of dense weights on the evaluation set of a run, as
// the run's own evaluations do.
func Evaluate(s spec.Run, w *models.HFWeights, set *corpus.Set, device *tensor.Device) (record.EvalRow, error) {
	t := s.Train
	r := &runner{spec: s, model: models.New(s.Model.Config)}
	w.Initialise(r.model)
	r.model.Allocate(models.Runtime{Device: device, Ledger: memory.New()}, t.BatchSize, t.MaxLength, false)
	if err := w.Err(); err != nil {
		return record.EvalRow{}, err
	}
	n := t.BatchSize * t.MaxLength
	r.tokens, r.targets, r.losses, r.counts = make([]int32, n), make([]int32, n), make([]float32, n), make([]int, t.BatchSize)
	return r.evaluate(context.Background(), EvalSet(s, set))
}

// ErrNoEvaluation says that there is no text to evaluate a run on.
var ErrNoEvaluation = errors.New("the validation split is empty: raise data.val_fraction or add text")

// EvalSet returns the fixed evaluation set of a run: without targets if there is
// none, see [ErrNoEvaluation].
func EvalSet(s spec.Run, set *corpus.Set) *corpus.Eval {
	return corpus.EvalSet(set.Val, s.Data.Packing, s.Train.MaxLength, s.Eval.Tokens)
}

// Package train executes one run in one process: batch → loss → backward →
// update, with evaluations, records and checkpoints.
package train

import (
	"fmt"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/internal/failpoint"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/internal/safetensors"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A runner is an assembled run: a model, its method and a sink, with all
// memory allocated.
type runner struct {
	spec   spec.Run
	device *tensor.Device
	ledger *memory.Ledger
	model  *models.Llama
	method optim.Method
	sink   sink
	rate   optim.Schedule
	look   *look // nil: no diagnostics

	squares []float64 // squared norms of the gradients of the newest update, by parameter ID
	tokens  []int32   // (total_batch_size · max_length) inputs of one update
	targets []int32   // the same for targets
	counts  []int     // targets per sequence of one update
	losses  []float32 // (batch_size · max_length) per-position losses of an evaluation
}

// assemble builds the run as it stands after start updates. With a predicting
// ledger nothing is allocated.
func assemble(s spec.Run, device *tensor.Device, ledger *memory.Ledger, start int) (*runner, error) {
	return assembleFrom(models.New(s.Model.Config), s, device, ledger, start)
}

// assembleFrom is assemble with a fresh model, whose initialisers may be other
// than those of [models.New].
func assembleFrom(model *models.Llama, s spec.Run, device *tensor.Device, ledger *memory.Ledger, start int) (*runner, error) {
	method, err := NewMethod(s)
	if err != nil {
		return nil, err
	}
	rate, err := NewSchedule(s)
	if err != nil {
		return nil, err
	}
	r := &runner{spec: s, device: device, ledger: ledger, model: model, method: method, rate: rate, look: newLook(s, method)}
	key := random.New(uint64(s.Seed.Init))
	env := optim.Env{
		Device: device, Ledger: ledger, Key: key, Start: start, Steps: s.Train.Steps, State: precision(s.Train.StateDtype),
	}
	if err := method.Attach(r.model, env); err != nil {
		return nil, fmt.Errorf("method %s: %w", s.Method.Name, err)
	}
	t := s.Train
	r.model.Allocate(models.Runtime{
		Device: device, Ledger: ledger, Key: key, Weights: precision(t.Dtype), Checkpointing: t.ActivationCheckpointing,
		OwnGradients: !t.Layerwise && t.BatchSize == t.TotalBatchSize,
	}, t.BatchSize, t.MaxLength, true)
	n := len(r.model.Params())
	if t.Layerwise {
		r.sink = &layerwise{run: r}
	} else {
		r.sink = &accumulating{run: r, gradient: make([]tensor.Matrix, n)}
	}
	r.squares = make([]float64, n)
	r.sink.sync()
	r.tokens = ledger.Ints(memory.Data, "tokens", t.TotalBatchSize*t.MaxLength)
	r.targets = ledger.Ints(memory.Data, "targets", t.TotalBatchSize*t.MaxLength)
	r.counts = make([]int, t.TotalBatchSize)
	r.losses = ledger.Floats(memory.Data, "evaluation losses", t.BatchSize*t.MaxLength)
	ledger.Register(memory.Scratch, "packing panels", device.ScratchBytes())
	ledger.For(memory.Checkpoint).Register(memory.Scratch, "checkpoint buffer", safetensors.BufferBytes)
	return r, nil
}

// precision returns what a dtype of a spec means.
func precision(dtype string) tensor.Precision {
	return tensor.Precision{BFloat16: dtype == spec.BFloat16 || dtype == spec.BFloat16Stochastic, Stochastic: dtype == spec.BFloat16Stochastic}
}

// apply updates one parameter.
func (r *runner) apply(p *models.Param, grad tensor.Matrix, s optim.Step) {
	r.model.Open(p)
	r.method.Update(p, grad, s)
	r.model.Close(p, r.model.Rounding("update", p, s.N))
}

// fill reads the sequences of update u and returns their number of targets.
func (r *runner) fill(data corpus.Split, order corpus.Order, u int) (targets int) {
	t := r.spec.Train
	for i := range t.TotalBatchSize {
		lo, hi := i*t.MaxLength, (i+1)*t.MaxLength
		seq := order.At(u*t.TotalBatchSize + i)
		r.counts[i] = data.Sequence(r.spec.Data.Packing, t.MaxLength, seq, r.tokens[lo:hi], r.targets[lo:hi])
		targets += r.counts[i]
	}
	return targets
}

// lossScale returns the factor of the token losses of a micro-batch of an update
// with that many targets: each target of the update weighs the same, unless
// train.microbatch_mean asks for the mean of the micro-batches' means.
func (r *runner) lossScale(micro, targets int) float64 {
	t := r.spec.Train
	if !t.MicrobatchMean {
		return 1 / float64(max(targets, 1))
	}
	n := 0
	for _, c := range r.counts[micro*t.BatchSize : (micro+1)*t.BatchSize] {
		n += c
	}
	return 1 / (float64(max(n, 1)) * float64(t.TotalBatchSize/t.BatchSize))
}

// update runs update u on the sequences that fill has read and returns the
// sum of the token losses and the gradient norm.
func (r *runner) update(u, targets int) (lossSum, norm float64, err error) {
	t := r.spec.Train
	micros := t.TotalBatchSize / t.BatchSize
	step := optim.Step{N: u, LR: r.spec.Method.LR * r.rate(u)}
	r.halves(u)
	for micro := range micros {
		r.sink.begin(step, micro)
		first := micro * t.BatchSize
		lo, hi := first*t.MaxLength, (first+t.BatchSize)*t.MaxLength
		b := models.Batch{B: t.BatchSize, T: t.MaxLength, Tokens: r.tokens[lo:hi], Targets: r.targets[lo:hi], Step: u, Micro: micro}
		r.model.Forward(b, true)
		sum, _ := r.model.Backward(b, float32(r.lossScale(micro, targets)), r.sink.take)
		lossSum += sum
	}
	failpoint.Here("backward pass done")
	norm = r.sink.end()
	failpoint.Here("weights updated")
	if err := r.method.EndStep(step); err != nil {
		return lossSum, norm, err
	}
	r.sink.sync()
	return lossSum, norm, nil
}

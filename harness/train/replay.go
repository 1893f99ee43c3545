package train

import (
	"fmt"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/internal/safetensors"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Watcher looks on while the method of a [Replay] works. It changes nothing
// and keeps no matrix: what it is shown is valid during the call.
type Watcher interface {
	// Before precedes the update of one parameter. p.W has its values, and grad
	// is what the method receives: summed over the micro-batches, and clipped.
	Before(p *models.Param, grad tensor.Matrix, s optim.Step)
	// After follows it.
	After(p *models.Param, s optim.Step)
	// Ending precedes the end of the step, where methods merge and reset.
	Ending(s optim.Step)
}

// A Replay trains a run once more from its start, without a record, and shows
// what a record leaves out. Its numbers are those of [Run], bit for bit.
type Replay struct {
	Model  *models.Llama
	Method optim.Method // may be asked, not used

	run   *runner
	data  corpus.Split
	order corpus.Order
	next  int
}

// A Passed is an update that was applied. Its slices are valid until the next.
type Passed struct {
	Update    int       // 0-based
	LR        float64   // scheduled, before the factors of groups
	Tokens    []int32   // (total_batch_size·max_length) inputs
	Targets   []int32   // the same for targets; corpus.NoTarget where there is none
	Count     int       // targets
	LossSum   float64   // of the token losses, before the update
	LossScale []float64 // their factor in the gradient, per micro-batch
	GradNorm  float64   // L2 norm of the whole gradient, before clipping
	Events    []optim.Event
}

// Loss returns the mean loss of a target, as a record has it.
func (p Passed) Loss() float64 { return p.LossSum / float64(max(p.Count, 1)) }

// NewReplay assembles the run. w may be nil.
func NewReplay(s spec.Run, set *corpus.Set, device *tensor.Device, w Watcher) (*Replay, error) {
	s.Diagnostics = spec.Diagnostics{} // they change nothing that is shown
	order, err := TrainingOrder(s, set.Train)
	if err != nil {
		return nil, err
	}
	r, err := assembleFresh(s, device, memory.New())
	if err != nil {
		return nil, err
	}
	replay := &Replay{Model: r.model, Method: r.method, run: r, data: set.Train, order: order}
	if w != nil {
		r.method = watched{r.method, w}
	}
	return replay, nil
}

// Next applies the next update, until all those of the run are.
func (r *Replay) Next() (Passed, error) {
	s, u := r.run.spec, r.next
	if u >= s.Train.Steps {
		return Passed{}, fmt.Errorf("the run has only %d updates", s.Train.Steps)
	}
	targets := r.run.fill(r.data, r.order, u)
	sum, norm, err := r.run.update(u, targets)
	if err != nil {
		return Passed{}, fmt.Errorf("update %d: %w", u, err)
	}
	r.next++
	p := Passed{
		Update: u, LR: s.Method.LR * r.run.rate(u), Tokens: r.run.tokens, Targets: r.run.targets,
		Count: targets, LossSum: sum, GradNorm: norm,
	}
	for micro := range s.Train.TotalBatchSize / s.Train.BatchSize {
		p.LossScale = append(p.LossScale, r.run.lossScale(micro, targets))
	}
	if m, ok := r.Method.(optim.Reporter); ok {
		p.Events = m.Events()
	}
	return p, nil
}

// Weights returns every parameter as it stands: what a checkpoint holds.
func (r *Replay) Weights() []safetensors.Tensor { return r.run.weights() }

// State returns every buffer of the method's state, as a checkpoint does.
func (r *Replay) State() []safetensors.Tensor { return r.run.state() }

// watched is a method that is looked at.
type watched struct {
	optim.Method
	watcher Watcher
}

func (w watched) Update(p *models.Param, grad tensor.Matrix, s optim.Step) {
	w.watcher.Before(p, grad, s)
	w.Method.Update(p, grad, s)
	w.watcher.After(p, s)
}

func (w watched) EndStep(s optim.Step) error {
	w.watcher.Ending(s)
	return w.Method.EndStep(s)
}

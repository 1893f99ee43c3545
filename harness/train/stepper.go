package train

import (
	"fmt"
	"time"

	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Stepper is an assembled run that is fed with random tokens, so that its
// updates can be timed without a corpus. It records nothing.
type Stepper struct {
	run   *runner
	watch *stopwatch
	u     int
	spent Spent
}

// NewStepper assembles a run on a device, as it stands when it carries on after
// its first update: the targets of a projecting method have a basis, if only a
// random one, so that the updates between two refreshes can be timed alone.
func NewStepper(s spec.Run, device *tensor.Device) (*Stepper, error) {
	stepper, err := newStepper(s, device, 1)
	if err != nil {
		return nil, err
	}
	r := stepper.run
	projectors := map[string]bool{}
	for _, e := range r.ledger.Entries() {
		projectors[e.Name] = e.Category == memory.Projectors
	}
	key := random.New(uint64(s.Seed.Data))
	for _, b := range r.method.State() {
		if projectors[b.Name] {
			basis := tensor.Of(make([]float32, b.Data.Rows*b.Data.Cols), b.Data.Rows, b.Data.Cols)
			device.FillNormal(basis, 0.1, key.Tensor(b.Name))
			device.Save(b.Data, basis, tensor.Rounding{})
		}
	}
	return stepper, nil
}

// FirstStepper assembles a run as it stands before its first update, which
// computes the first bases of a projecting method from nothing.
func FirstStepper(s spec.Run, device *tensor.Device) (*Stepper, error) {
	return newStepper(s, device, 0)
}

func newStepper(s spec.Run, device *tensor.Device, start int) (*Stepper, error) {
	r, err := assemble(s, device, memory.New(), start)
	if err != nil {
		return nil, err
	}
	key := random.New(uint64(s.Seed.Data))
	for i := range r.tokens {
		r.tokens[i] = int32(key.Below(uint64(2*i), s.Model.VocabSize))
		r.targets[i] = int32(key.Below(uint64(2*i+1), s.Model.VocabSize))
	}
	for i := range r.counts {
		r.counts[i] = s.Train.MaxLength
	}
	watch := &stopwatch{sink: r.sink}
	r.sink = watch
	return &Stepper{run: r, watch: watch, u: start}, nil
}

// Seek makes update u the next one.
func (s *Stepper) Seek(u int) { s.u = u }

// Update applies the next update, which refreshes, merges and resets where that
// of the run would. It returns the mean loss.
func (s *Stepper) Update() (loss float64, err error) {
	s.watch.busy = 0
	start := time.Now()
	sum, _, err := s.run.update(s.u, len(s.run.targets))
	took, busy := time.Since(start).Seconds(), s.watch.busy.Seconds()
	if err != nil {
		return 0, fmt.Errorf("update %d: %w", s.u, err)
	}
	s.u++
	var refresh float64
	if m, ok := s.run.method.(optim.Reporter); ok {
		for _, e := range m.Events() {
			if e.Kind == "refresh" { // merges come after the updates of parameters
				refresh += e.Seconds
			}
		}
	}
	s.spent = Spent{Pass: took - busy, Apply: busy - refresh, Refresh: refresh}
	return sum / float64(len(s.run.targets)), nil
}

// Spent says where the time of the newest update went.
func (s *Stepper) Spent() Spent { return s.spent }

// Evaluate computes the losses of one micro-batch as an evaluation does, and
// returns the number of its tokens.
func (s *Stepper) Evaluate() (tokens int) {
	t := s.run.spec.Train
	tokens = t.BatchSize * t.MaxLength
	b := models.Batch{B: t.BatchSize, T: t.MaxLength, Tokens: s.run.tokens[:tokens], Targets: s.run.targets[:tokens]}
	s.run.model.Losses(b, s.run.losses)
	return tokens
}

// Pass runs the forward and the backward pass of one micro-batch and drops the
// gradients.
func (s *Stepper) Pass() {
	t := s.run.spec.Train
	n := t.BatchSize * t.MaxLength
	b := models.Batch{B: t.BatchSize, T: t.MaxLength, Tokens: s.run.tokens[:n], Targets: s.run.targets[:n], Step: s.u}
	s.run.sink.begin(optim.Step{N: s.u}, 0)
	s.run.model.Forward(b, true)
	s.run.model.Backward(b, 1/float32(n), func(*models.Param, tensor.Matrix) {})
}

// Memory returns the bytes that the run has registered, by category.
func (s *Stepper) Memory() map[memory.Category]int64 { return s.run.ledger.ByCategory() }

package train

import (
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Prediction is what can be said of a run before it exists.
type Prediction struct {
	Ledger     *memory.Ledger // every buffer of the run in its largest phase; nothing is allocated
	Parameters int64          // weights and adapters
	Trainable  int64          // those that receive updates in the first step
	// StepFLOPs is the arithmetic of one update, in the first phase of the run:
	// forward, backward, and the projections of GaLore; without optimizer steps,
	// whose share is small.
	StepFLOPs float64
	// RefreshFLOPs is the arithmetic of new bases for all targets, by the run's
	// projector.
	RefreshFLOPs float64
	// EvalFLOPs is the arithmetic of one evaluation token.
	EvalFLOPs float64

	later []phase // after the first
}

// A phase is the rest of a run from an update on, as far as it differs from what
// came before.
type phase struct {
	start     int
	stepFLOPs float64
}

// UpdateFLOPs is the arithmetic of the first so many updates.
func (p *Prediction) UpdateFLOPs(updates int) (sum float64) {
	end := updates
	for i := len(p.later) - 1; i >= 0; i-- {
		sum += float64(max(0, end-p.later[i].start)) * p.later[i].stepFLOPs
		end = min(end, p.later[i].start)
	}
	return sum + float64(end)*p.StepFLOPs
}

// Predict assembles a run on a device without allocating anything.
func Predict(s spec.Run, device *tensor.Device) (*Prediction, error) {
	ledger := memory.Predict()
	r, err := assemble(s, device, ledger, 0)
	if err != nil {
		return nil, err
	}
	p := &Prediction{Ledger: ledger}
	// A method that changes what it trains needs the memory of its largest phase.
	if m, ok := r.method.(optim.Phased); ok {
		for _, start := range m.Phases()[1:] {
			ledger := memory.Predict()
			changed, err := assemble(s, device, ledger, start)
			if err != nil {
				return nil, err
			}
			p.later = append(p.later, phase{start, changed.stepFLOPs()})
			if ledger.Total() > p.Ledger.Total() {
				p.Ledger = ledger
			}
		}
	}
	for _, param := range r.model.Params() {
		n := int64(param.W.Rows) * int64(param.W.Cols)
		p.Parameters += n
		if !param.Frozen {
			p.Trainable += n
		}
	}
	p.StepFLOPs = r.stepFLOPs()
	p.EvalFLOPs, _ = tokenFLOPs(r.model, s.Train.MaxLength)
	for _, l := range r.projected() {
		p.RefreshFLOPs += galoreConfig(s.Method, optim.Base{}).RefreshFLOPs(l.Out, l.In)
	}
	return p, nil
}

// stepFLOPs is the arithmetic of an update of the run as it is assembled.
func (r *runner) stepFLOPs() float64 {
	t := r.spec.Train
	forward, backward := tokenFLOPs(r.model, t.MaxLength)
	if t.ActivationCheckpointing {
		backward += againFLOPs(r.model, t.MaxLength)
	}
	sum := float64(t.TotalBatchSize*t.MaxLength) * (forward + backward)
	rank := float64(r.spec.Method.Rank)
	for _, l := range r.projected() { // project and project back: 2·m·n·r each, once per update
		sum += 4 * float64(l.In) * float64(l.Out) * rank
		if r.spec.Method.ProjType == "full" { // and the other side of what is left
			sum += 4 * float64(l.In) * rank * rank
		}
	}
	return sum
}

// projected lists the weights whose gradients GaLore projects.
func (r *runner) projected() (list []*models.Linear) {
	for _, l := range r.model.Linears() {
		if r.spec.Method.Kind == "galore" && optim.Targeted(roles(r.spec.Method.Targets), l.Role) {
			list = append(list, l)
		}
	}
	return list
}

// againFLOPs is what activation checkpointing adds per token: another forward
// pass of every block but the last, without the down projection's output.
func againFLOPs(m *models.Llama, length int) float64 {
	var sum float64
	count := func(p *models.Param) {
		if p != nil {
			sum += 2 * float64(p.W.Rows) * float64(p.W.Cols)
		}
	}
	for _, block := range m.Layers[:len(m.Layers)-1] {
		for _, l := range []*models.Linear{block.Q, block.K, block.V, block.O, block.Gate, block.Up, block.Down} {
			if !l.Bypass {
				count(l.A)
			}
			if l == block.Down {
				continue
			}
			count(l.Weight)
			if !l.Bypass {
				count(l.B)
			}
		}
		sum += 2 * float64(m.HiddenSize) * float64(length) // attention
	}
	return sum
}

// tokenFLOPs counts multiply-adds of one token as two operations: 2 per weight
// forward, 2 for the gradient of the input and 2 for that of the weight where
// it is formed; causal attention at half its square.
func tokenFLOPs(m *models.Llama, length int) (forward, backward float64) {
	count := func(p *models.Param) {
		if p == nil {
			return
		}
		n := 2 * float64(p.W.Rows) * float64(p.W.Cols)
		forward += n
		backward += n
		if !p.Frozen {
			backward += n
		}
	}
	for _, l := range append([]*models.Linear{m.Head}, m.Linears()...) {
		count(l.Weight)
		if !l.Bypass {
			count(l.A)
			count(l.B)
		}
	}
	attention := 2 * float64(m.NumHiddenLayers) * float64(m.HiddenSize) * float64(length)
	return forward + attention, backward + 2*attention
}

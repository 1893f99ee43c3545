// Package relora is ReLoRA: LoRA whose adapters are merged into the weights and
// started anew, so that the sum of many low-rank updates has a high rank
// (Lialin et al., 2307.05695).
package relora

import (
	"fmt"
	"math"
	"slices"
	"time"

	"ranklab/internal/failpoint"
	"ranklab/internal/memory"
	"ranklab/lora"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// Method is ReLoRA (2307.05695, algorithm 1) on top of package lora. With u
// counted from the end of the warm start:
//
//	u = 0, 1, …                train A, B and everything outside the targets as LoRA does
//	every q updates  (merge)   W ← W + s·B·A;  A ← a new draw;  B ← 0
//	every C updates  (reset)   the moments of A and B become zero or are pruned
//
// A merge leaves the function of the model unchanged up to rounding: it is one
// float32 product, and what it gives is rounded as all weights are: with weights
// kept in bfloat16 to nearest, what a merge adds to an element is lost where it
// is below 0.2 to 0.4 % of it. New draws of A are keyed by (seed, "relora", name, number of
// the merge). After the last update of a run there is neither merge nor reset.
//
// During a full-rank warm start of F updates the adapters exist but take no
// part, and W is trained with a state of its own. Then W is frozen, its state
// freed, and the state of everything else starts again from zero, as if the
// run began anew from the weights. Of the schedules, [optim.JaggedCosine] warms
// up again then; under any other the first steps from empty moments are long.
//
// Memory per m × n weight: as LoRA, weights mn + r(m+n), state of AdamW
// 2r(m+n); during the warm start state 2mn instead.
type Method struct {
	config Config
	env    optim.Env
	model  *models.Llama

	params   []*models.Param
	adapted  []*models.Linear
	parts    []part     // by parameter id
	adapters *optim.Set // A and B; nil during the warm start
	weights  *optim.Set // the targets' W; nil after the warm start
	rest     *optim.Set // everything else
	pruned   []float32  // scratch: a moment that is not kept in float32, while it is pruned

	squares []float64 // by parameter id: Σ g² of adapters, in updates that end with a merge
	events  []optim.Event
}

var (
	_ optim.Method   = (*Method)(nil)
	_ optim.Reporter = (*Method)(nil)
	_ optim.Phased   = (*Method)(nil)
)

// A part is what a parameter is to ReLoRA.
type part uint8

const (
	other  part = iota // outside the targets
	weight             // W of a target
	down               // A of a target
	up                 // B of a target
)

// New returns the method.
func New(c Config) (*Method, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("relora: %w", err)
	}
	return &Method{config: c.withDefaults()}, nil
}

// Phases implements [optim.Phased].
func (m *Method) Phases() []int {
	if f := m.config.FullRankSteps; f > 0 {
		return []int{0, f}
	}
	return []int{0}
}

// Attach implements [optim.Method].
func (m *Method) Attach(model *models.Llama, env optim.Env) error {
	if f := m.config.FullRankSteps; f > 0 && f >= env.Steps {
		return fmt.Errorf("relora: full_rank_steps %d is not below the %d steps of the run", f, env.Steps)
	}
	adapted, err := m.config.Adapt(model)
	if err != nil {
		return fmt.Errorf("relora: %w", err)
	}
	m.env, m.model, m.params, m.adapted = env, model, model.Params(), adapted
	m.parts = make([]part, len(m.params))
	m.squares = make([]float64, len(m.params))
	for _, l := range adapted {
		m.parts[l.Weight.ID], m.parts[l.A.ID], m.parts[l.B.ID] = weight, down, up
		if m.config.DeadStart {
			l.A.Init = lora.Zero
		}
	}
	m.rest = m.set(other)
	if env.Start < m.config.FullRankSteps {
		m.setWarm(true)
		m.weights = m.set(weight)
	} else {
		m.adapters = m.set(down, up)
	}
	m.allocatePruned()
	return nil
}

// allocatePruned allocates the scratch of a reset that prunes moments which are
// not kept in float32.
func (m *Method) allocatePruned() {
	if m.config.Reset != ResetRandom && m.config.Reset != ResetMagnitude {
		return
	}
	asked := m.env // what state would there be? In the warm start there is none yet.
	asked.Ledger = memory.Predict()
	largest := 0
	for _, l := range m.adapted {
		for _, p := range [...]*models.Param{l.A, l.B} {
			for _, b := range m.config.Rule.Direction(asked, p.Name, p.W.Rows, p.W.Cols).State() {
				if b.Data.Format.Type != tensor.Float32 {
					largest = max(largest, b.Data.Rows*b.Data.Cols)
				}
			}
		}
	}
	if largest > 0 {
		m.pruned = m.env.Ledger.For(memory.Refresh).Floats(memory.Scratch, "relora.reset", largest)
	}
}

// set allocates the state of the parameters that are one of the parts.
func (m *Method) set(parts ...part) *optim.Set {
	return optim.NewSet(m.config.Base, m.env, m.params, func(p *models.Param) bool { return slices.Contains(parts, m.parts[p.ID]) })
}

// setWarm switches the targets between full-rank training and adapters.
func (m *Method) setWarm(warm bool) {
	for _, l := range m.adapted {
		l.Bypass, l.A.Frozen, l.B.Frozen, l.Weight.Frozen = warm, warm, warm, !warm
	}
}

// Update implements [optim.Method].
func (m *Method) Update(p *models.Param, grad tensor.Matrix, s optim.Step) {
	u := s.N - m.config.FullRankSteps // negative in the warm start
	switch m.parts[p.ID] {
	case weight:
		m.weights.Update(p, grad, s.Clock())
	case down, up:
		m.measure(p, grad, s)
		m.adapters.Update(p, grad, optim.Clock{N: s.N, T: m.config.time(u), LR: s.LR})
	default:
		t := u + 1
		if u < 0 {
			t = s.N + 1
		}
		m.rest.Update(p, grad, optim.Clock{N: s.N, T: t, LR: s.LR})
	}
}

// EndStep implements [optim.Method]: it ends the warm start, merges and resets.
func (m *Method) EndStep(s optim.Step) error {
	if s.N+1 == m.config.FullRankSteps {
		m.activate(s)
		return nil
	}
	if number, ok := m.merges(s); ok {
		m.merge(s, number)
	}
	if number, ok := m.happens(s, m.config.CycleLength); ok && m.config.Reset != ResetNone {
		m.reset(s, number)
	}
	return nil
}

// merges reports whether the step ends with a merge, and its number from 1.
func (m *Method) merges(s optim.Step) (number int, ok bool) {
	return m.happens(s, m.config.MergeEvery)
}

func (m *Method) happens(s optim.Step, period int) (number int, ok bool) {
	applied := s.N + 1
	if applied <= m.config.FullRankSteps || applied >= m.env.Steps {
		return 0, false
	}
	return m.config.due(applied-m.config.FullRankSteps, period)
}

// activate ends the warm start.
func (m *Method) activate(s optim.Step) {
	m.setWarm(false)
	m.weights.Release()
	failpoint.Here("warm start ended")
	m.weights = nil
	m.rest.Reset()
	m.adapters = m.set(down, up)
	m.events = append(m.events, optim.NewEvent(s, "activate", map[string]float64{"adapters": float64(len(m.adapted))}))
}

// merge folds every adapter into its weight and starts it anew.
func (m *Method) merge(s optim.Step, number int) {
	began := time.Now()
	d := m.env.Device
	var a, b, gradA, gradB float64
	for _, l := range m.adapted {
		parts := [...]*models.Param{l.Weight, l.A, l.B}
		for _, p := range parts {
			m.model.Open(p)
		}
		a += d.SumSquares(l.A.W)
		b += d.SumSquares(l.B.W)
		gradA += m.squares[l.A.ID] // in this order, whatever the one of the updates
		gradB += m.squares[l.B.ID]
		d.Gemm(tensor.N, tensor.N, l.Scale, l.B.W, l.A.W, 1, l.Weight.W)
		failpoint.Here("adapter merged")
		lora.Kaiming(d, l.A.W, m.env.Key.Stream("relora").Tensor(l.A.Name).Step(number))
		d.Zero(l.B.W)
		for _, p := range parts {
			m.model.Close(p, m.model.Rounding("relora", p, number))
		}
	}
	e := optim.NewEvent(s, "merge", map[string]float64{
		"number": float64(number), "norm_a": math.Sqrt(a), "norm_b": math.Sqrt(b),
		"grad_a": math.Sqrt(gradA), "grad_b": math.Sqrt(gradB),
	})
	e.Seconds = time.Since(began).Seconds()
	if b == 0 {
		e.Warn("the merged adapters were zero")
	}
	m.events = append(m.events, e)
}

// measure keeps what a merge reports of an adapter's gradient.
func (m *Method) measure(p *models.Param, grad tensor.Matrix, s optim.Step) {
	if _, ok := m.merges(s); ok {
		m.squares[p.ID] = m.env.Device.SumSquares(grad)
	}
}

// reset zeroes or prunes the moments of A and B, each buffer by a mask of its
// own.
func (m *Method) reset(s optim.Step, number int) {
	began := time.Now()
	var zeroed, all int
	for _, b := range m.adapters.State() {
		failpoint.Here("moment reset")
		n := b.Data.Rows * b.Data.Cols
		all += n
		switch m.config.Reset {
		case ResetZero:
			b.Data.Clear()
			zeroed += n
		case ResetRandom, ResetMagnitude:
			zeroed += m.prune(b, number)
		}
	}
	e := optim.NewEvent(s, "reset", map[string]float64{
		"number": float64(number), "fraction_zeroed": float64(zeroed) / float64(max(1, all)),
	})
	e.Seconds = time.Since(began).Seconds()
	m.events = append(m.events, e)
}

// prune zeroes a part of a buffer and returns the number of elements. What is
// not kept in float32 is widened and rounded again, which changes no other value
// of bfloat16; of 8 bits it may change the scale of a block.
func (m *Method) prune(b optim.Buffer, number int) (zeroed int) {
	d, kept := m.env.Device, b.Data.Format.Type == tensor.Float32
	var x tensor.Matrix
	if kept {
		x = b.Data.Matrix()
	} else {
		x = tensor.Of(m.pruned, b.Data.Rows, b.Data.Cols)
		d.Load(x, b.Data)
	}
	if m.config.Reset == ResetRandom {
		zeroed = d.PruneRandom(x, m.config.ResetRatio, m.env.Key.Stream("relora.prune").Tensor(b.Name).Step(number))
	} else {
		zeroed = d.PruneMagnitude(x, m.config.ResetRatio)
	}
	if !kept {
		d.Save(b.Data, x, tensor.Rounding{})
	}
	return zeroed
}

// Events implements [optim.Reporter].
func (m *Method) Events() []optim.Event {
	e := m.events
	m.events = nil
	return e
}

// State implements [optim.Method].
func (m *Method) State() []optim.Buffer {
	all := m.rest.State()
	for _, s := range []*optim.Set{m.weights, m.adapters} {
		if s != nil {
			all = append(all, s.State()...)
		}
	}
	return all
}

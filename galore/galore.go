// Package galore is GaLore: full-rank training whose optimizer lives in a
// low-rank projection of the gradient (Zhao et al., 2403.03507).
package galore

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"ranklab/internal/failpoint"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// Never is the refresh period of a basis that is computed once and kept.
const Never = -1

// Config holds the settings of GaLore.
type Config struct {
	optim.Base
	Rank          int           // r; a weight with min(out, in) < r is projected to min(out, in)
	UpdateProjGap int           // T, updates between refreshes, or Never
	Scale         float64       // a_g, the paper's α: factor of the step of projected weights
	ProjType      ProjType      // "" is Std
	Projector     Projector     // "" is RangeFinder
	Targets       []models.Role // roles of the projected weights: attn, mlp; nil is both
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	errs := []error{c.Base.Validate()}
	if c.Rank < 1 {
		errs = append(errs, fmt.Errorf("rank %d must be positive", c.Rank))
	}
	if c.UpdateProjGap < 1 && c.UpdateProjGap != Never {
		errs = append(errs, fmt.Errorf("update_proj_gap %d must be positive or never", c.UpdateProjGap))
	}
	if !(c.Scale > 0) {
		errs = append(errs, fmt.Errorf("scale %v must be positive", c.Scale))
	}
	if !slices.Contains(projTypes, c.ProjType) {
		errs = append(errs, fmt.Errorf("proj_type %q is not one of %q", c.ProjType, projTypes))
	}
	if !slices.Contains(projectors, c.Projector) {
		errs = append(errs, fmt.Errorf("projector %q is not one of %q", c.Projector, projectors))
	}
	errs = append(errs, optim.ValidateTargets(c.Targets))
	return errors.Join(errs...)
}

// Method is GaLore (2403.03507, algorithm 2) around any base optimizer. Each
// update of a targeted weight W (out, in) with gradient G, on the right side:
//
//	every T updates   P ← the first r rows of Vᵀ, where G = UΣVᵀ     (r, in),
//	                  exactly or approximately: see Projector
//	R ← G·Pᵀ                                                        (out, r)
//	Δ ← step of the base optimizer for R at learning rate η
//	W ← W - a_g·Δ·P
//
// and on the left side R ← Pᵀ·G with P the first r columns of U, and
// W ← W - a_g·P·Δ. The refresh happens in the updates 0, T, 2T, …; the new
// basis serves the same update. The state of the base optimizer is carried over
// a refresh unchanged, in the coordinates of the old basis (GaLore#54). All
// other parameters are trained by the same base optimizer, without a_g.
//
// A refresh is skipped, and the old basis kept, if G is zero or not finite or
// the decomposition fails. While there is no basis yet, every update tries to
// find one; until then P = 0, so that a zero gradient moves nothing, and a
// gradient that is not finite is dropped.
//
// State of an m × n weight, m ≤ n, with AdamW: P mr and moments 2nr (std),
// P nr and moments 2mr (reverse_std), or (m+n)r and 2r² (full).
type Method struct {
	config  Config
	device  *tensor.Device
	rest    *optim.Set
	weights []*projected // by parameter id; nil: in the rest set
	finder  finder
	small   []float32 // scratch: a projected gradient
	half    []float32 // scratch: a gradient projected on one of two sides

	refresh refresh   // of the running step
	untold  []refresh // of earlier steps, until Events; the same memory each time
	probe   *probe    // nil: nobody looks at the subspaces
}

var (
	_ optim.Method   = (*Method)(nil)
	_ optim.Reporter = (*Method)(nil)
)

// projected is the state of one targeted weight.
type projected struct {
	projector
	direction optim.Direction
	state     []optim.Buffer
	hasBasis  bool
	seen      *seen // what the probe keeps
}

// New returns the method.
func New(c Config) (*Method, error) {
	if c.ProjType == "" {
		c.ProjType = Std
	}
	if c.Projector == "" {
		c.Projector = RangeFinder
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("galore: %w", err)
	}
	return &Method{config: c}, nil
}

// Attach implements [optim.Method].
func (m *Method) Attach(model *models.Llama, env optim.Env) error {
	m.device = env.Device
	m.weights = make([]*projected, len(model.Params()))
	var small, half int
	var panels []tensor.Panel
	for _, l := range model.Linears() {
		if !optim.Targeted(m.config.Targets, l.Role) {
			continue
		}
		out, in := l.Out, l.In
		r := min(m.config.Rank, out, in)
		q := &projected{}
		left, right := m.config.ProjType.sides(out, in)
		if left {
			q.left, q.leftKept, q.leftKey = q.basis(env, l.Weight.Name+".projector_left", out, r)
			panels = append(panels, tensor.Panel{Out: out, In: in, Rank: r, Left: true})
		}
		if right {
			q.right, q.rightKept, q.rightKey = q.basis(env, l.Weight.Name+".projector_right", r, in)
			panels = append(panels, tensor.Panel{Out: out, In: in, Rank: r})
		}
		rows, cols := q.shape(out, in)
		q.direction = m.config.Rule.Direction(env, l.Weight.Name, rows, cols)
		q.state = append(q.state, q.direction.State()...)
		m.weights[l.Weight.ID] = q
		small = max(small, rows*cols)
		if left && right {
			half = max(half, r*in)
		}
	}
	m.rest = optim.NewSet(m.config.Base, env, model.Params(), func(p *models.Param) bool { return m.weights[p.ID] == nil })
	m.small = env.Ledger.Floats(memory.Scratch, "galore.projected_gradient", small)
	m.half = env.Ledger.Floats(memory.Scratch, "galore.half_projected_gradient", half)
	m.finder = m.config.Projector.newFinder(env, panels)
	m.share(env)
	m.probe.attach(m, model, env)
	return nil
}

// basis allocates one basis, zero until the first refresh, and derives its key.
// The matrix has no data yet if the basis is not kept in float32.
func (q *projected) basis(env optim.Env, name string, rows, cols int) (tensor.Matrix, tensor.Store, random.Key) {
	kept := tensor.AllocStore(env.Ledger, memory.Projectors, name, rows, cols, env.State.Format())
	q.state = append(q.state, optim.Buffer{Name: name, Data: kept})
	return tensor.Of(kept.Floats, rows, cols), kept, env.Key.Stream("range_finder").Tensor(name)
}

// share gives the bases that are not kept in float32 the scratch in which they
// are when they are used.
func (m *Method) share(env optim.Env) {
	if env.State.Format().Type == tensor.Float32 {
		return
	}
	var left, right int
	for _, q := range m.weights {
		if q != nil {
			left, right = max(left, q.left.Rows*q.left.Cols), max(right, q.right.Rows*q.right.Cols)
		}
	}
	lefts := env.Ledger.Floats(memory.Scratch, "galore.projector_left", left)
	rights := env.Ledger.Floats(memory.Scratch, "galore.projector_right", right)
	for _, q := range m.weights {
		if q != nil {
			q.left = tensor.Of(lefts, q.left.Rows, q.left.Cols)
			q.right = tensor.Of(rights, q.right.Rows, q.right.Cols)
		}
	}
}

// Update implements [optim.Method].
func (m *Method) Update(p *models.Param, grad tensor.Matrix, s optim.Step) {
	q := m.weights[p.ID]
	if q == nil {
		m.rest.Update(p, grad, s.Clock())
		return
	}
	lr := m.config.LR(p.Role, s.LR)
	m.config.Before(m.device, p.W, grad, lr)
	q.open(m.device)
	m.probe.before(q, grad, s.N)
	if !m.rebase(q, grad, s) {
		return
	}
	rows, cols := q.shape(p.W.Rows, p.W.Cols)
	r := tensor.Of(m.small, rows, cols)
	var half tensor.Matrix
	if q.left.Rows > 0 && q.right.Rows > 0 {
		half = tensor.Of(m.half, rows, p.W.Cols)
	}
	q.project(m.device, grad, r, half)
	c := s.Clock()
	c.LR = lr
	q.direction.Step(r, c)
	q.back(m.device, float32(-m.config.Scale), r, half, p.W)
	m.config.After(m.device, p.W, lr)
}

// rebase refreshes the basis when it is due. It reports whether the gradient
// can be used.
func (m *Method) rebase(q *projected, grad tensor.Matrix, s optim.Step) bool {
	q.hasBasis = q.hasBasis || q.isSet(m.device)
	if q.hasBasis && (m.config.UpdateProjGap == Never || s.N%m.config.UpdateProjGap != 0) {
		return true
	}
	start := time.Now()
	captured, ok := q.projector.refresh(m.finder, grad, s.N)
	failpoint.Here("basis found")
	q.keep(m.device)
	m.refresh.add(captured, ok, time.Since(start))
	q.hasBasis = q.hasBasis || ok
	m.probe.renewed(q, grad, s.N, ok)
	return q.hasBasis || m.device.Finite(grad)
}

// EndStep implements [optim.Method].
func (m *Method) EndStep(s optim.Step) error {
	if m.refresh.tried > 0 {
		m.refresh.step = s
		m.untold = append(m.untold, m.refresh)
		m.refresh = refresh{}
	}
	return nil
}

// Events implements [optim.Reporter]: one "refresh" for each step that had any.
func (m *Method) Events() []optim.Event {
	var events []optim.Event
	for _, r := range m.untold {
		events = append(events, r.event())
	}
	m.untold = m.untold[:0]
	return events
}

// State implements [optim.Method].
func (m *Method) State() []optim.Buffer {
	all := m.rest.State()
	for _, q := range m.weights {
		if q != nil {
			all = append(all, q.state...)
		}
	}
	return all
}

// A refresh counts the refreshes of one step.
type refresh struct {
	step          optim.Step
	tried, failed int
	sum, least    float64 // of the captured shares
	time          time.Duration
}

func (r *refresh) add(captured float64, ok bool, t time.Duration) {
	r.tried++
	r.time += t
	if !ok {
		r.failed++
		return
	}
	if r.tried-r.failed == 1 || captured < r.least {
		r.least = captured
	}
	r.sum += captured
}

func (r *refresh) event() optim.Event {
	values := map[string]float64{"refreshed": float64(r.tried - r.failed), "kept": float64(r.failed)}
	if n := r.tried - r.failed; n > 0 {
		values["captured_mean"], values["captured_min"] = r.sum/float64(n), r.least
	}
	e := optim.NewEvent(r.step, "refresh", values)
	e.Seconds = r.time.Seconds()
	if r.failed > 0 {
		e.Warn(fmt.Sprintf("%d of %d bases kept: the gradient was zero or not finite, or its decomposition failed", r.failed, r.tried))
	}
	return e
}

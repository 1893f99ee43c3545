// Package galore is GaLore: full-rank training whose optimizer lives in a
// low-rank projection of the gradient (Zhao et al., 2403.03507).
package galore

import (
	"errors"
	"fmt"
	"math"
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
	Rank           int           // r; a weight with min(out, in) < r is projected to min(out, in)
	UpdateProjGap  int           // T, updates between refreshes, or Never
	Scale          float64       // a_g, the paper's α: factor of the step of projected weights
	ProjType       ProjType      // "" is Std
	Projector      Projector     // "" is RangeFinder
	ProjectorDType DType         // how bases are kept; "" is AsState
	Moments        Moments       // what becomes of state at a refresh; "" is Carry
	ResetStep      bool          // with Reset: the t of bias correction starts again too
	Targets        []models.Role // roles of the projected weights: attn, mlp; nil is both
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
	if !slices.Contains(dtypes, c.ProjectorDType) {
		errs = append(errs, fmt.Errorf("projector_dtype %q is not one of %q", c.ProjectorDType, dtypes))
	}
	if !slices.Contains(moments, c.Moments) {
		errs = append(errs, fmt.Errorf("moments %q is not one of %q", c.Moments, moments))
	}
	if c.ResetStep && c.Moments != Reset {
		errs = append(errs, fmt.Errorf("reset_step needs moments %q", Reset))
	}
	errs = append(errs, optim.ValidateTargets(c.Targets))
	return errors.Join(errs...)
}

// Method is GaLore (2403.03507, algorithm 2) around any base optimizer. Each
// update of a targeted weight W (out, in) with gradient G, on the right side:
//
//	every T updates   P ← the first r rows of Vᵀ, where G = UΣVᵀ     (r, in),
//	                  exactly, approximately, or drawn at random: see Projector
//	R ← G·Pᵀ                                                        (out, r)
//	Δ ← step of the base optimizer for R at learning rate η
//	W ← W - a_g·Δ·P
//
// and on the left side R ← Pᵀ·G with P the first r columns of U, and
// W ← W - a_g·P·Δ. The refresh happens in the updates 0, T, 2T, …; the new
// basis serves the same update. What becomes of the state of the base optimizer
// then, Moments says. All other parameters are trained by the same base
// optimizer, without a_g.
//
// A decomposition is skipped, and the old basis kept, if G is zero or not finite
// or the decomposition fails. While there is no basis yet, every update tries to
// find one; until then P = 0, so that a zero gradient moves nothing, and a
// gradient that is not finite is dropped. A random basis does not depend on G: it
// is drawn whatever G is, and a G that is not finite then reaches the state, as
// it does between refreshes and at full rank. Reset happens whenever a refresh is
// due, so that the time of the state is a function of the step number.
//
// State of an m × n weight, m ≤ n, with AdamW: P mr and moments 2nr (std),
// P nr and moments 2mr (reverse_std), or (m+n)r and 2r² (full). A basis of 8 or
// 4 bits takes a byte or half a byte per value, and 5 bytes per 256.
type Method struct {
	config  Config
	device  *tensor.Device
	rest    *optim.Set
	weights []*projected // by parameter id; nil: in the rest set
	finder  finder
	turner  *turner   // with Rotate
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
	direction  optim.Direction
	rows, cols int // of the projected gradient
	state      []optim.Buffer
	moments    []optim.Buffer // of them, those of the direction
	hasBasis   bool
	captured   float64 // share of ‖G‖² that a new basis captures, until EndStep
	seen       *seen   // what the probe keeps
}

// New returns the method.
func New(c Config) (*Method, error) {
	if c.ProjType == "" {
		c.ProjType = Std
	}
	if c.Projector == "" {
		c.Projector = RangeFinder
	}
	if c.Moments == "" {
		c.Moments = Carry
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
	format := m.config.ProjectorDType.format(env)
	for _, l := range model.Linears() {
		if !optim.Targeted(m.config.Targets, l.Role) {
			continue
		}
		out, in := l.Out, l.In
		r := min(m.config.Rank, out, in)
		q := &projected{}
		key := env.Key.Stream(string(m.config.Projector))
		wanted := m.config.ProjType.sides(out, in)
		if wanted.left {
			q.left, q.leftKept, q.leftKey = q.basis(env, key, l.Weight.Name+".projector_left", out, r, format)
			panels = append(panels, tensor.Panel{Out: out, In: in, Rank: r, Left: true})
		}
		if wanted.right {
			q.right, q.rightKept, q.rightKey = q.basis(env, key, l.Weight.Name+".projector_right", r, in, format)
			panels = append(panels, tensor.Panel{Out: out, In: in, Rank: r})
		}
		q.rows, q.cols = q.shape(out, in)
		q.direction = m.config.Rule.Direction(env, l.Weight.Name, q.rows, q.cols)
		q.moments = q.direction.State()
		q.state = append(q.state, q.moments...)
		m.weights[l.Weight.ID] = q
		small = max(small, q.rows*q.cols)
		if wanted.left && wanted.right {
			half = max(half, r*in)
		}
	}
	m.rest = optim.NewSet(m.config.Base, env, model.Params(), func(p *models.Param) bool { return m.weights[p.ID] == nil })
	m.small = env.Ledger.Floats(memory.Scratch, "galore.projected_gradient", small)
	m.half = env.Ledger.Floats(memory.Scratch, "galore.half_projected_gradient", half)
	m.finder = m.config.Projector.newFinder(env, panels)
	m.share(env, format)
	m.probe.attach(m, model, env)
	if m.config.Moments != Rotate {
		return nil
	}
	var err error
	m.turner, err = newTurner(env, m.weights, small)
	return err
}

// basis allocates one basis, zero until the first refresh, and derives its key.
// The matrix has no data yet if the basis is not kept in float32.
func (q *projected) basis(env optim.Env, key random.Key, name string, rows, cols int, f tensor.Format) (tensor.Matrix, tensor.Store, random.Key) {
	kept := tensor.AllocStore(env.Ledger, memory.Projectors, name, rows, cols, f)
	q.state = append(q.state, optim.Buffer{Name: name, Data: kept})
	basis := tensor.Matrix{Rows: rows, Cols: cols, Stride: cols}
	if f.Type == tensor.Float32 {
		basis.Data = kept.Floats
	}
	return basis, kept, key.Tensor(name)
}

// share gives the bases that are not kept in float32 the scratch in which they
// are when they are used.
func (m *Method) share(env optim.Env, f tensor.Format) {
	if f.Type == tensor.Float32 {
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
	r := tensor.Of(m.small, q.rows, q.cols)
	var half tensor.Matrix
	if q.left.Rows > 0 && q.right.Rows > 0 {
		half = tensor.Of(m.half, q.rows, p.W.Cols)
	}
	q.project(m.device, grad, r, half)
	c := m.config.clock(s)
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
	if m.turner != nil {
		m.turner.leave(&q.projector)
	}
	captured, renewed := q.projector.refresh(m.finder, grad, s.N)
	failpoint.Here("basis found")
	q.keep(m.device, renewed)
	ok := renewed == q.sides()
	looked := m.probe.renewed(q, grad, s.N, renewed)
	m.settle(q, renewed, s)
	m.refresh.add(captured, ok, time.Since(start)-looked)
	if ok && !math.IsNaN(captured) {
		q.captured = captured
	}
	q.hasBasis = q.hasBasis || ok
	return q.hasBasis || m.device.Finite(grad)
}

// settle does to the state of a weight what a refresh calls for.
func (m *Method) settle(q *projected, renewed sides, s optim.Step) {
	switch {
	case m.config.Moments == Reset: // also where a decomposition has failed
		for _, b := range q.moments {
			b.Data.Clear()
		}
	case m.config.Moments == Rotate && q.hasBasis && renewed != sides{}:
		m.turner.arrive(q, renewed, m.small, m.config.clock(s))
	}
}

// EndStep implements [optim.Method].
func (m *Method) EndStep(s optim.Step) error {
	if m.refresh.tried > 0 {
		for _, q := range m.weights { // in this order whatever the order of updates was: the same bits
			if q != nil {
				m.refresh.sum += q.captured
				q.captured = 0
			}
		}
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

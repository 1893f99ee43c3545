package optim

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/tensor"
)

// A Rule is a base optimizer: it turns gradients into steps. Every method is
// built on one; GaLore gives it projected gradients, LoRA those of A and B.
type Rule interface {
	// Validate reports the first setting that makes no sense.
	Validate() error
	// StateBytes returns the bytes that a Direction for gradients of shape
	// (rows, cols) keeps when the run keeps state in precision p. A rule may have
	// formats of its own.
	StateBytes(rows, cols int, p tensor.Precision) int64
	// Direction allocates the state for one tensor through the ledger
	// (category optimizer_state), zeroed, under names that start with name.
	Direction(env Env, name string, rows, cols int) Direction
}

// A Direction is the state of a [Rule] for one tensor.
type Direction interface {
	// Step takes the gradient g of one update into the state and replaces it by
	// the step Δ, for W ← W - Δ or what a method makes of it. g is dense.
	Step(g tensor.Matrix, c Clock)
	// Apply is Step followed by W ← W - Δ, to the same bits, for a method that
	// applies the step as it is: a rule may do both in one pass over memory.
	// It may overwrite g. w and g are dense.
	Apply(w, g tensor.Matrix, c Clock)
	// State lists the buffers of the state.
	State() []Buffer
}

// A Clock is the time of one update of a state.
type Clock struct {
	N  int     // 0-based global update: keys the noise of stochastic rounding
	T  int     // 1 for the first update after the state was zero: bias correction, decay rates
	LR float64 // learning rate η
}

// Clock returns the time of the update for a state that was zero before the run.
func (s Step) Clock() Clock { return Clock{s.N, s.N + 1, s.LR} }

// Decay says where weight decay λ enters an update of learning rate η.
type Decay string

// The three places.
const (
	DecayBefore Decay = "before" // W ← (1-ηλ)·W, then the step (decoupled, 1711.05101; torch AdamW)
	DecayAfter  Decay = "after"  // the step, then W ← (1-ηλ)·W
	DecayL2     Decay = "l2"     // G ← G + λ·W before anything else sees G (torch Adam)
)

// A Base is what all methods share: the base optimizer, weight decay and the
// learning-rate groups.
type Base struct {
	Rule        Rule
	WeightDecay float64                 // λ ≥ 0, on every trained parameter, norm gains included
	Decay       Decay                   // "" is DecayBefore
	LRGroups    map[models.Role]float64 // factor of the learning rate per role; a role not named has factor 1
}

// Validate reports every setting that makes no sense.
func (b Base) Validate() error {
	var errs []error
	if b.Rule == nil {
		errs = append(errs, errors.New("no base optimizer"))
	} else if err := b.Rule.Validate(); err != nil {
		errs = append(errs, err)
	}
	if !(b.WeightDecay >= 0) {
		errs = append(errs, fmt.Errorf("weight_decay %v is negative", b.WeightDecay))
	}
	if b.Decay != "" && b.Decay != DecayBefore && b.Decay != DecayAfter && b.Decay != DecayL2 {
		errs = append(errs, fmt.Errorf("decay %q is not one of %q, %q, %q", b.Decay, DecayBefore, DecayAfter, DecayL2))
	}
	roles := []models.Role{models.Embedding, models.Attention, models.MLP, models.Norm, models.Head}
	for _, role := range slices.Sorted(maps.Keys(b.LRGroups)) {
		if !slices.Contains(roles, role) {
			errs = append(errs, fmt.Errorf("lr_groups names %q, which is not one of %q", role, roles))
		}
		if f := b.LRGroups[role]; !(f >= 0) {
			errs = append(errs, fmt.Errorf("lr_groups.%s %v is negative", role, f))
		}
	}
	return errors.Join(errs...)
}

// LR returns the learning rate of a role when the scheduled rate is lr.
func (b Base) LR(role models.Role, lr float64) float64 {
	if f, ok := b.LRGroups[role]; ok {
		return f * lr
	}
	return lr
}

// Before applies the part of weight decay that precedes the step: to the
// weight w, or with [DecayL2] to its full gradient g.
func (b Base) Before(d *tensor.Device, w, g tensor.Matrix, lr float64) {
	switch {
	case b.WeightDecay == 0:
	case b.Decay == DecayL2:
		d.Axpy(float32(b.WeightDecay), w, g)
	case b.Decay != DecayAfter:
		d.Scale(float32(1-float64(lr*b.WeightDecay)), w)
	}
}

// After applies the part of weight decay that follows the step.
func (b Base) After(d *tensor.Device, w tensor.Matrix, lr float64) {
	if b.WeightDecay != 0 && b.Decay == DecayAfter {
		d.Scale(float32(1-float64(lr*b.WeightDecay)), w)
	}
}

// A moment is one buffer of optimizer state that is rounded when it is written.
type moment struct {
	Buffer
	precision tensor.Precision
	key       random.Key // ("rounding", name)
}

// newMoment allocates a buffer in the run's precision.
func newMoment(env Env, name, kind string, rows, cols int) moment {
	return momentIn(env, name, kind, rows, cols, env.State.Format())
}

// momentIn allocates a buffer in a format of its own.
func momentIn(env Env, name, kind string, rows, cols int, f tensor.Format) moment {
	name += "." + kind
	b := Buffer{name, tensor.AllocStore(env.Ledger, memory.OptimizerState, name, rows, cols, f)}
	return moment{b, env.State, env.Key.Stream("rounding").Tensor(name)}
}

// rounding returns that of an update.
func (m *moment) rounding(c Clock) tensor.Rounding { return m.precision.Rounding(m.key, c.N) }

// buffers lists those of moments.
func buffers(moments ...moment) []Buffer {
	var all []Buffer
	for _, m := range moments {
		all = append(all, m.Buffer)
	}
	return all
}

// Package lora is LoRA as a pre-training method: frozen random weights with
// trained low-rank adapters (Hu et al., 2106.09685; 2403.03507, section 5).
package lora

import (
	"errors"
	"fmt"
	"math"

	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Scaling says how s, the factor of the adapter's output, follows from
// lora_alpha and the rank.
type Scaling string

// The scalings.
const (
	AlphaOverR     Scaling = "alpha_over_r"      // s = alpha/r: a larger rank also takes smaller steps
	AlphaOverSqrtR Scaling = "alpha_over_sqrt_r" // s = alpha/√r (rsLoRA, 2312.03732)
	Fixed          Scaling = "fixed"             // s = alpha
)

// Factor returns s.
func (s Scaling) Factor(alpha float64, rank int) float64 {
	switch s {
	case AlphaOverSqrtR:
		return alpha / math.Sqrt(float64(rank))
	case Fixed:
		return alpha
	}
	return alpha / float64(rank)
}

// Config holds the settings of LoRA.
type Config struct {
	optim.Base
	Rank    int           // r, at most min(out, in) of every target
	Alpha   float64       // lora_alpha
	Scaling Scaling       // "" is AlphaOverR
	Dropout float64       // lora_dropout: probability that an element of an adapter's input is dropped
	Targets []models.Role // roles of the adapted modules: attn, mlp; nil is both
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	errs := []error{c.Base.Validate()}
	if c.Rank < 1 {
		errs = append(errs, fmt.Errorf("rank %d must be positive", c.Rank))
	}
	if !(c.Alpha >= 0) {
		errs = append(errs, fmt.Errorf("lora_alpha %v is negative", c.Alpha))
	}
	if c.Scaling != "" && c.Scaling != AlphaOverR && c.Scaling != AlphaOverSqrtR && c.Scaling != Fixed {
		errs = append(errs, fmt.Errorf("scaling %q is not one of %q, %q, %q", c.Scaling, AlphaOverR, AlphaOverSqrtR, Fixed))
	}
	if !(c.Dropout >= 0 && float32(c.Dropout) < 1) {
		errs = append(errs, fmt.Errorf("lora_dropout %v is not in [0, 1)", c.Dropout))
	}
	errs = append(errs, optim.ValidateTargets(c.Targets))
	return errors.Join(errs...)
}

// Adapt freezes every target and gives it an adapter: A (r, in) drawn
// uniformly from ±1/√in, which is Kaiming's rule with a = √5, and B (out, r)
// zero. It returns the adapted modules in forward order.
func (c Config) Adapt(m *models.Llama) ([]*models.Linear, error) {
	var adapted []*models.Linear
	for _, l := range m.Linears() {
		if !optim.Targeted(c.Targets, l.Role) {
			continue
		}
		if c.Rank > min(l.In, l.Out) {
			return nil, fmt.Errorf("rank %d is above min(out, in) = %d of %s", c.Rank, min(l.In, l.Out), l.Name)
		}
		m.Adapt(l, c.Rank, float32(c.Scaling.Factor(c.Alpha, c.Rank)), float32(c.Dropout))
		l.A.Init = Kaiming
		l.B.Init = Zero
		adapted = append(adapted, l)
	}
	return adapted, nil
}

// Kaiming draws a (rows, cols) matrix uniformly from ±1/√cols.
func Kaiming(d *tensor.Device, w tensor.Matrix, key random.Key) {
	d.FillUniform(w, 1/math.Sqrt(float64(w.Cols)), key)
}

// Zero fills a matrix with zeros.
func Zero(d *tensor.Device, w tensor.Matrix, _ random.Key) { d.Zero(w) }

// Method is LoRA (2106.09685, section 4.1). A targeted module computes
//
//	y = x·W0ᵀ + s·drop(x)·Aᵀ·Bᵀ
//
// with W0 frozen at its random start; the base optimizer trains A, B and all
// parameters outside the targets. The gradient of W0 is never formed.
//
// Per m × n weight: weights mn + r(m+n), gradients r(m+n), state of AdamW
// 2r(m+n). Since B = 0, the gradient of A is zero until the
// update after the first with a rate above 0: with a warm-up, in updates 0 and 1.
type Method struct {
	config Config
	set    *optim.Set
}

var _ optim.Method = (*Method)(nil)

// New returns the method.
func New(c Config) (*Method, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("lora: %w", err)
	}
	return &Method{config: c}, nil
}

// Attach implements [optim.Method].
func (m *Method) Attach(model *models.Llama, env optim.Env) error {
	if _, err := m.config.Adapt(model); err != nil {
		return fmt.Errorf("lora: %w", err)
	}
	m.set = optim.NewSet(m.config.Base, env, model.Params(), func(p *models.Param) bool { return !p.Frozen })
	return nil
}

// Update implements [optim.Method].
func (m *Method) Update(p *models.Param, grad tensor.Matrix, s optim.Step) {
	m.set.Update(p, grad, s.Clock())
}

// EndStep implements [optim.Method].
func (m *Method) EndStep(optim.Step) error { return nil }

// State implements [optim.Method].
func (m *Method) State() []optim.Buffer { return m.set.State() }

// Package lowrank is the Low-Rank baseline: weights that are products of two
// trained factors from the start (2403.03507, section 5; 2209.13569).
package lowrank

import (
	"errors"
	"fmt"
	"math"

	"ranklab/lora"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// An Init is a way to draw the factors.
type Init string

// The initialisations. σ is the model's initializer_range.
const (
	// Matched draws both factors from N(0, σ_f²) with σ_f = (σ²/r)^¼ and has
	// s = 1: the entries of B·A have standard deviation σ like a dense weight.
	Matched Init = "matched"
	// Spectral takes W ~ N(0, σ²), the weight that full-rank training with the
	// same seed starts from, and its best approximation of rank r:
	// B = U_r·√Σ_r, A = √Σ_r·V_rᵀ, s = 1 (2209.13569).
	Spectral Init = "spectral"
	// Kaiming draws both factors uniformly from ±1/√fan_in (in for A, r for B)
	// and has s = alpha/r (2505.22922). The product's entries have standard
	// deviation s/(3√in), far below a dense weight's.
	Kaiming Init = "kaiming"
)

// Config holds the settings of Low-Rank.
type Config struct {
	optim.Base
	Rank    int           // r, at most min(out, in) of every target
	Init    Init          // "" is Matched
	Alpha   float64       // lora_alpha; Kaiming only
	Scaling lora.Scaling  // Kaiming only; "" is alpha_over_r
	Targets []models.Role // roles of the factored modules: attn, mlp; nil is both
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	adapter := lora.Config{Base: c.Base, Rank: c.Rank, Alpha: c.Alpha, Scaling: c.Scaling, Targets: c.Targets}
	errs := []error{adapter.Validate()}
	switch c.Init {
	case "", Matched, Spectral:
	case Kaiming:
		if c.Alpha == 0 {
			errs = append(errs, errors.New("init kaiming needs lora_alpha: with 0 the product has no gradient"))
		}
	default:
		errs = append(errs, fmt.Errorf("init %q is not one of %q, %q, %q", c.Init, Matched, Spectral, Kaiming))
	}
	return errors.Join(errs...)
}

// Method is Low-Rank training. A targeted module computes
//
//	y = s·x·Aᵀ·Bᵀ          A (r, in), B (out, r)
//
// W is never stored; the base optimizer trains A, B and everything else.
//
// Per m × n weight: weights r(m+n), gradients r(m+n), state of AdamW 2r(m+n).
type Method struct {
	config Config
	set    *optim.Set
}

var _ optim.Method = (*Method)(nil)

// New returns the method.
func New(c Config) (*Method, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("lowrank: %w", err)
	}
	return &Method{config: c}, nil
}

// Attach implements [optim.Method].
func (m *Method) Attach(model *models.Llama, env optim.Env) error {
	c := m.config
	s := 1.0
	if c.Init == Kaiming {
		s = c.Scaling.Factor(c.Alpha, c.Rank)
	}
	for _, l := range model.Linears() {
		if !optim.Targeted(c.Targets, l.Role) {
			continue
		}
		if c.Rank > min(l.In, l.Out) {
			return fmt.Errorf("lowrank: rank %d is above min(out, in) = %d of %s", c.Rank, min(l.In, l.Out), l.Name)
		}
		weight := l.Weight
		model.Factor(l, c.Rank, float32(s))
		switch c.Init {
		case Spectral:
			factors := &spectral{weight: weight, key: env.Key.Stream("init").Tensor(weight.Name), rank: c.Rank}
			l.A.Init, l.B.Init = factors.initA, factors.initB
		case Kaiming:
			l.A.Init, l.B.Init = lora.Kaiming, lora.Kaiming
		default:
			std := math.Sqrt(model.InitializerRange / math.Sqrt(float64(c.Rank)))
			l.A.Init, l.B.Init = normal(std), normal(std)
		}
	}
	m.set = optim.NewSet(c.Base, env, model.Params(), func(*models.Param) bool { return true })
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

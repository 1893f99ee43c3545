package optim

import (
	"fmt"
	"math"

	"ranklab/tensor"
)

// Convention says where Adam's ε stands. The two are one rule with different
// ε: galore with ε equals torch with ε/√(1-β2ᵗ), 31.6 times larger at t = 1
// for β2 = 0.999.
type Convention string

// The conventions.
const (
	Torch       Convention = "torch"  // ε after bias correction: M̂/(√V̂ + ε), as in 1412.6980 and torch.optim
	GaLoreAdamW Convention = "galore" // ε before bias correction: c2/c1 · M/(√V + ε), as in the code of 2403.03507
)

// AdamW is Adam (Kingma and Ba, 1412.6980); its weight decay is [Base]'s.
// With c1 = 1-β1ᵗ and c2 = √(1-β2ᵗ):
//
//	M ← β1·M + (1-β1)·G
//	V ← β2·V + (1-β2)·G⊙G
//	torch:   Δ = η/c1 · M / (√V/c2 + ε)
//	galore:  Δ = η·c2/c1 · M / (√V + ε)
//
// State: 2mn.
type AdamW struct {
	Betas      [2]float64
	Eps        float64
	Convention Convention // "" is Torch
}

var _ Rule = AdamW{}

// DefaultAdamW returns the default that all methods share: torch, betas 0.9
// and 0.999, ε 1e-8. An experiment that names none of them gets these.
func DefaultAdamW() AdamW { return AdamW{Betas: [2]float64{0.9, 0.999}, Eps: 1e-8, Convention: Torch} }

// Validate implements [Rule].
func (a AdamW) Validate() error {
	for _, b := range a.Betas {
		if !(b >= 0 && b < 1) {
			return fmt.Errorf("betas %v: each must be in [0, 1)", a.Betas)
		}
	}
	if !(float32(a.Eps) > 0) || math.IsInf(a.Eps, 0) {
		return fmt.Errorf("eps %v must be a positive float32: with 0 a zero gradient would give 0/0", a.Eps)
	}
	if a.Convention != "" && a.Convention != Torch && a.Convention != GaLoreAdamW {
		return fmt.Errorf("convention %q is not %q or %q", a.Convention, Torch, GaLoreAdamW)
	}
	return nil
}

// StateBytes implements [Rule].
func (a AdamW) StateBytes(rows, cols int, p tensor.Precision) int64 {
	return 2 * p.Format().Bytes(rows*cols)
}

// Direction implements [Rule].
func (a AdamW) Direction(env Env, name string, rows, cols int) Direction {
	return &adamW{a, env.Device, newMoment(env, name, "exp_avg", rows, cols), newMoment(env, name, "exp_avg_sq", rows, cols)}
}

type adamW struct {
	AdamW
	device *tensor.Device
	m, v   moment
}

// Step implements [Direction].
func (a *adamW) Step(g tensor.Matrix, c Clock) {
	a.device.AdamStored(g, a.m.Data, a.v.Data, a.constants(c), a.m.rounding(c), a.v.rounding(c))
}

// Apply implements [Direction], in one pass over memory.
func (a *adamW) Apply(w, g tensor.Matrix, c Clock) {
	a.device.AdamUpdateStored(w, g, a.m.Data, a.v.Data, a.constants(c), a.m.rounding(c), a.v.rounding(c))
}

// constants returns what an update computes with.
func (a AdamW) constants(c Clock) tensor.AdamStep {
	b1, b2 := a.Betas[0], a.Betas[1]
	c1 := 1 - tensor.Pow(b1, float64(c.T))
	c2 := math.Sqrt(1 - tensor.Pow(b2, float64(c.T)))
	s := tensor.AdamStep{
		Beta1: float32(b1), Rest1: float32(1 - b1), Beta2: float32(b2), Rest2: float32(1 - b2),
		Size: float32(c.LR / c1), Correction: float32(1 / c2), Eps: float32(a.Eps),
	}
	if a.Convention == GaLoreAdamW {
		s.Size, s.Correction = float32(c.LR*c2/c1), 1
	}
	return s
}

func (a *adamW) State() []Buffer { return buffers(a.m, a.v) }

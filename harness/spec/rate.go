package spec

import (
	"math"
	"slices"
	"strconv"
)

// effect is what the settings of a method multiply its lr by in a step of the
// weights of attention and MLP: the effective rate of a method is effect·lr.
//
//	full-rank kinds   g       g = lr_groups.attn = lr_groups.mlp, 1 by default
//	galore            g·a     a = scale (2403.03507): W ← W − η·a·back(N)
//	lora, relora      g·s     s = lora_alpha/r, lora_alpha/√r or lora_alpha, by scaling
//	lowrank           g·s     s = lora_alpha/r with init "kaiming", else 1
//
// g is that of the targets for kinds that have targets. An adapter moves its
// weight by s·(ΔB·A + B·ΔA), to first order. The step of Adam and Adafactor has a
// size of its own; the gradient that SGD steps along holds s once more, so that
// adapters with the optimizer sgd have g·s². How large A and B are is no setting
// and not in the factor: effective rates make ranks, scales and alphas comparable,
// and put adapters and whole weights on one grid, no more.
//
// There is no such factor, and ok is false, where attention and MLP are trained at
// different rates.
func (m Method) effect() (factor float64, ok bool) {
	roles := m.Targets
	if len(roles) == 0 {
		roles = []string{"attn", "mlp"}
	}
	group := func(role string) float64 {
		if g, set := m.LRGroups[role]; set {
			return g
		}
		return 1
	}
	factor = group(roles[0])
	if slices.ContainsFunc(roles, func(role string) bool { return group(role) != factor }) {
		return math.NaN(), false
	}
	s := 1.0
	switch {
	case m.Kind == "galore":
		return factor * m.Scale, true
	case m.Kind == "lowrank" && m.Init == "kaiming", m.Scaling == "alpha_over_r":
		s = m.LoraAlpha / float64(m.Rank)
	case m.Scaling == "alpha_over_sqrt_r":
		s = m.LoraAlpha / math.Sqrt(float64(m.Rank))
	case m.Scaling == "fixed":
		s = m.LoraAlpha
	}
	if m.Optimizer == "sgd" {
		s *= s
	}
	return factor * s, true
}

// rounded keeps six significant digits, so that a rate reads as people would
// write it.
func rounded(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		return x // out of range, which is found elsewhere
	}
	return y
}

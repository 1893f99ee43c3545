package optim

import (
	"errors"
	"fmt"
	"math"

	"ranklab/tensor"
)

// A Schedule gives the factor μ(u) of the learning rate for the 0-based update
// u. It is a pure function. A run has exactly K updates, u = 0 … K-1, and μ is
// 0 outside; with a warm-up the first update has rate 0 and still fills the
// moments.
type Schedule func(u int) float64

// A Horizon is what all schedules share.
type Horizon struct {
	Steps      int     // K, planned updates
	Warmup     int     // w0, updates of linear warm-up from 0, below Steps
	MinLRRatio float64 // ρ, the factor approached at the end; not used by Constant
}

func (h Horizon) validate() error {
	switch {
	case h.Steps <= 0:
		return fmt.Errorf("schedule: %d steps", h.Steps)
	case h.Warmup < 0 || h.Warmup >= h.Steps:
		return fmt.Errorf("schedule: warmup_steps %d is not in 0 … %d (below steps)", h.Warmup, h.Steps-1)
	case !(h.MinLRRatio >= 0 && h.MinLRRatio <= 1):
		return fmt.Errorf("schedule: min_lr_ratio %v is not in [0, 1]", h.MinLRRatio)
	}
	return nil
}

// schedule adds the warm-up and the end to a decay over x in [0, 1).
func (h Horizon) schedule(decay func(x float64) float64) (Schedule, error) {
	if err := h.validate(); err != nil {
		return nil, err
	}
	return func(u int) float64 {
		switch {
		case u < 0 || u >= h.Steps:
			return 0
		case u < h.Warmup:
			return float64(u) / float64(h.Warmup)
		}
		return decay(float64(u-h.Warmup) / float64(h.Steps-h.Warmup))
	}, nil
}

// cosine falls from 1 at x = 0 to ρ at x = 1.
func (h Horizon) cosine(x float64) float64 {
	return h.MinLRRatio + float64((1-h.MinLRRatio)*0.5*(1+tensor.Cos(math.Pi*x)))
}

// Constant is 1 after the warm-up.
func Constant(h Horizon) (Schedule, error) {
	return h.schedule(func(float64) float64 { return 1 })
}

// Linear falls from 1 after the warm-up towards ρ at K:
//
//	μ(u) = 1 - (1-ρ)·(u-w0)/(K-w0)
func Linear(h Horizon) (Schedule, error) {
	return h.schedule(func(x float64) float64 { return 1 - float64((1-h.MinLRRatio)*x) })
}

// Cosine falls from 1 after the warm-up towards ρ at K:
//
//	μ(u) = ρ + (1-ρ)·½(1 + cos(π·(u-w0)/(K-w0)))
func Cosine(h Horizon) (Schedule, error) { return h.schedule(h.cosine) }

// A Jag describes the restarts of [JaggedCosine].
type Jag struct {
	CycleLength   int // C, updates between restarts
	RestartWarmup int // w, updates of linear re-warming after a restart
	Shift         int // adj, updates by which the cycles are moved forward; 0 in a run of its own
	FullRankSteps int // F, updates of a full-rank warm start before the first cycle
}

// JaggedCosine is the schedule of ReLoRA (2307.05695): a cosine that is pulled
// to 0 at the start of each cycle but the first and re-warmed to the value it
// has at the end of the re-warming. With K updates after the warm start,
// W = h.Warmup, x = u + adj, s = x mod C and j = ⌊x/C⌋:
//
//	D(y) = ρ + (1-ρ)·½(1 + cos(π·y/(K-W)))
//	u < W                μ = u/W
//	s < w and u ≥ C      μ = (s/w)·D(j·C + w - W)
//	otherwise            μ = D(x - W)
//
// K must be a multiple of C, and adj + W at most C.
//
// A full-rank warm start of F updates is a run of its own that is cut off: the
// global updates 0 … F-1 follow [Cosine] over all h.Steps updates, and update
// F + u follows the formula above with K = h.Steps - F; it warms up anew.
func JaggedCosine(h Horizon, j Jag) (Schedule, error) {
	if err := errors.Join(h.validate(), j.validate(h)); err != nil {
		return nil, err
	}
	start, err := Cosine(h)
	if err != nil {
		return nil, err
	}
	span := float64(h.Steps - j.FullRankSteps - h.Warmup)
	decay := func(y int) float64 { return h.cosine(float64(y) / span) }
	return func(u int) float64 {
		if u < j.FullRankSteps || u >= h.Steps {
			return start(u)
		}
		u -= j.FullRankSteps
		x := u + j.Shift
		s, cycle := x%j.CycleLength, x/j.CycleLength
		switch {
		case u < h.Warmup:
			return float64(u) / float64(h.Warmup)
		case s < j.RestartWarmup && u >= j.CycleLength:
			return float64(s) / float64(j.RestartWarmup) * decay(cycle*j.CycleLength+j.RestartWarmup-h.Warmup)
		}
		return decay(x - h.Warmup)
	}, nil
}

func (j Jag) validate(h Horizon) error {
	k := h.Steps - j.FullRankSteps
	switch {
	case j.CycleLength <= 0:
		return fmt.Errorf("jagged cosine: cycle_length %d must be positive", j.CycleLength)
	case j.FullRankSteps < 0 || k <= 0:
		return fmt.Errorf("jagged cosine: full_rank_steps %d is not in 0 … %d (below steps)", j.FullRankSteps, h.Steps-1)
	case k%j.CycleLength != 0:
		return fmt.Errorf("jagged cosine: %d updates (steps - full_rank_steps) are not a multiple of cycle_length %d", k, j.CycleLength)
	case h.Warmup >= k:
		return fmt.Errorf("jagged cosine: warmup_steps %d is not below the %d updates after the warm start", h.Warmup, k)
	case j.Shift < 0 || j.Shift+h.Warmup > j.CycleLength:
		return fmt.Errorf("jagged cosine: warmup_steps %d and shift %d do not fit into a cycle of %d", h.Warmup, j.Shift, j.CycleLength)
	case j.RestartWarmup < 0 || j.RestartWarmup > j.CycleLength:
		return fmt.Errorf("jagged cosine: restart_warmup_steps %d is not in 0 … cycle_length %d", j.RestartWarmup, j.CycleLength)
	}
	return nil
}

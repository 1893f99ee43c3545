package relora

import (
	"errors"
	"fmt"

	"ranklab/lora"
)

// MergeAt says at which updates merges and resets fall. u counts updates since
// the end of the warm start; q is merge_every.
type MergeAt string

// The timings.
const (
	// Boundary merges just before the updates u = q, 2q, …
	Boundary MergeAt = "boundary"
	// Reference merges just before the updates u = q+1, 2q+1, …, as the code
	// of 2307.05695 does: where the schedule restarts at q, the update u = q
	// has learning rate 0 and its gradient enters the moments.
	Reference MergeAt = "reference"
)

// Reset says what becomes of the moments of A and B.
type Reset string

// The resets.
const (
	ResetNone      Reset = "none"
	ResetZero      Reset = "zero"      // all moments become 0 (what the paper describes)
	ResetRandom    Reset = "random"    // an entry survives with probability 1-p (the code's "reset" is p = 0.999)
	ResetMagnitude Reset = "magnitude" // an entry survives if it is strictly above the p-quantile of its tensor's magnitudes
)

// Config holds the settings of ReLoRA.
type Config struct {
	lora.Config
	MergeEvery    int     // q, updates between merges
	MergeAt       MergeAt // "" is Boundary
	Reset         Reset   // "" is ResetZero
	ResetRatio    float64 // p of ResetRandom and ResetMagnitude
	ResetStep     bool    // a reset restarts bias correction too; with ResetZero it is a true restart
	CycleLength   int     // C, updates between resets; 0 is MergeEvery
	FullRankSteps int     // F, updates of a full-rank warm start; below the run's steps
	DeadStart     bool    // compat: A starts at zero too, so adapters get no gradient before the first merge (relora#18)
}

func (c Config) withDefaults() Config {
	if c.MergeAt == "" {
		c.MergeAt = Boundary
	}
	if c.Reset == "" {
		c.Reset = ResetZero
	}
	if c.CycleLength == 0 {
		c.CycleLength = c.MergeEvery
	}
	return c
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	c = c.withDefaults()
	errs := []error{c.Config.Validate()}
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	add(c.MergeEvery < 1, "merge_every %d must be positive", c.MergeEvery)
	add(c.CycleLength < 0, "cycle_length %d is negative", c.CycleLength)
	add(c.FullRankSteps < 0, "full_rank_steps %d is negative", c.FullRankSteps)
	switch c.MergeAt {
	case Boundary:
	case Reference:
		add(c.MergeEvery == 1, "merge_every 1 never merges with merge_at %q", Reference)
		add(c.CycleLength == 1, "cycle_length 1 never resets with merge_at %q", Reference)
	default:
		add(true, "merge_at %q is not %q or %q", c.MergeAt, Boundary, Reference)
	}
	switch c.Reset {
	case ResetNone:
		add(c.ResetStep, "reset_step needs a reset")
	case ResetZero:
	case ResetRandom, ResetMagnitude:
		add(!(c.ResetRatio >= 0 && c.ResetRatio <= 1), "reset_ratio %v is not in [0, 1]", c.ResetRatio)
	default:
		add(true, "reset %q is not one of %q, %q, %q, %q", c.Reset, ResetNone, ResetZero, ResetRandom, ResetMagnitude)
	}
	return errors.Join(errs...)
}

// due reports whether something that happens every period updates happens
// after u updates, and for which time (1 first).
func (c Config) due(u, period int) (number int, ok bool) {
	if c.MergeAt == Reference {
		u--
	}
	return u / period, u >= period && u%period == 0
}

// time is the t that the moments of A and B have in update u (from 0).
func (c Config) time(u int) int {
	if !c.ResetStep {
		return u + 1
	}
	if c.MergeAt == Reference {
		if u <= c.CycleLength {
			return u + 1
		}
		u--
	}
	return u%c.CycleLength + 1
}

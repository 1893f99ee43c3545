package galore

import (
	"fmt"
	"math"
	"time"

	"ranklab/optim"
)

// A refresh counts the refreshes of one step.
type refresh struct {
	step          optim.Step
	tried, failed int
	blind         int     // drawn beside a gradient of which nothing can be captured
	sum, least    float64 // of the captured shares; the sum is EndStep's
	time          time.Duration
}

func (r *refresh) add(captured float64, ok bool, t time.Duration) {
	r.tried++
	r.time += t
	switch {
	case !ok:
		r.failed++
		return
	case math.IsNaN(captured):
		r.blind++
		return
	}
	if r.measured() == 1 || captured < r.least {
		r.least = captured
	}
}

// measured is the number of captured shares.
func (r *refresh) measured() int { return r.tried - r.failed - r.blind }

func (r *refresh) event() optim.Event {
	values := map[string]float64{"refreshed": float64(r.tried - r.failed), "kept": float64(r.failed)}
	if n := r.measured(); n > 0 {
		values["captured_mean"], values["captured_min"] = r.sum/float64(n), r.least
	}
	e := optim.NewEvent(r.step, "refresh", values)
	e.Seconds = r.time.Seconds()
	if r.failed > 0 {
		e.Warn(fmt.Sprintf("%d of %d bases kept: the gradient was zero or not finite, or its decomposition failed", r.failed, r.tried))
	}
	if r.blind > 0 {
		e.Warn(fmt.Sprintf("%d of %d bases drawn beside a gradient that was zero or not finite", r.blind, r.tried))
	}
	return e
}

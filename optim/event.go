package optim

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// An Event is something a method did between two updates, or met, that the
// record of a run should tell: a refresh, a merge, a reset, a warning.
type Event struct {
	Step    int                `json:"step"`              // 0-based update
	Kind    string             `json:"kind"`              // "refresh", "merge", "reset", "activate"
	Values  map[string]float64 `json:"values,omitempty"`  // reproducible and finite numbers
	Warning string             `json:"warning,omitempty"` // what a reader should worry about
	Seconds float64            `json:"-"`                 // time it took; not reproducible
}

// NewEvent returns an event. A value that is not finite becomes part of the
// warning, so that an event is always valid JSON.
func NewEvent(s Step, kind string, values map[string]float64) Event {
	e := Event{Step: s.N, Kind: kind, Values: values}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if v := values[name]; math.IsNaN(v) || math.IsInf(v, 0) {
			e.Warn(fmt.Sprintf("%s is %v", name, v))
			delete(values, name)
		}
	}
	return e
}

// Warn adds a warning.
func (e *Event) Warn(text string) {
	if e.Warning != "" {
		text = e.Warning + "; " + text
	}
	e.Warning = text
}

// A Reporter is a method that has events to tell.
type Reporter interface {
	// Events returns what happened since the last call. Call it after EndStep.
	Events() []Event
}

// A Phased method changes what it trains, and so what it keeps in memory,
// while it runs. Its need is the largest over its phases.
type Phased interface {
	// Phases lists the updates at which a phase starts, 0 first: Attach with
	// Env.Start set to one of them builds the structure of that phase.
	Phases() []int
}

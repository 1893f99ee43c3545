// Package memory holds the ledger: the list of every long-lived buffer of a
// run, with its category and name.
//
// Code that owns memory asks the ledger for it. A ledger made by [Predict]
// keeps the same books without allocating anything, so the memory of a run is
// known, to the byte, before the run exists.
package memory

import (
	"fmt"
	"slices"
	"unsafe"
)

// A Category says what a buffer is for.
type Category string

// The categories of a training run, in the order in which reports list them.
const (
	Weights        Category = "weights"         // parameters of the model, trained or frozen
	Adapters       Category = "adapters"        // low-rank factors beside a frozen weight
	Gradients      Category = "gradients"       // gradients kept between backward and update
	OptimizerState Category = "optimizer_state" // moments, momentum, factored second moments
	Projectors     Category = "projectors"      // the bases that project gradients
	Activations    Category = "activations"     // what forward keeps for backward
	Scratch        Category = "scratch"         // packing panels, one gradient, chunks of logits
	Data           Category = "data"            // batches and evaluation sets in memory
)

// Categories lists all categories in report order.
func Categories() []Category {
	return []Category{Weights, Adapters, Gradients, OptimizerState, Projectors, Activations, Scratch, Data}
}

// A Use says when a buffer is in use. The buffers of a phase of a run exist all
// the time, so that no step allocates; those that serve one use alone are its
// peak above the steady state.
type Use string

// The uses.
const (
	Always     Use = ""           // in every update
	Refresh    Use = "refresh"    // while bases are computed, or moments pruned
	Checkpoint Use = "checkpoint" // while a checkpoint is written
)

// An Entry is one registered buffer.
type Entry struct {
	Category Category `json:"category"`
	Name     string   `json:"name"`
	Bytes    int64    `json:"bytes"`
	Use      Use      `json:"use,omitempty"`
}

// A Ledger registers buffers. It is not safe for concurrent use: buffers are
// allocated while a run is set up and at a few places between steps.
type Ledger struct {
	*books
	use Use // of what is registered through it
}

type books struct {
	predicting bool
	entries    []Entry
	total      int64
	peak       int64
}

// New returns a ledger that allocates.
func New() *Ledger { return &Ledger{books: &books{}} }

// Predict returns a ledger that keeps the books only: its slices are nil.
func Predict() *Ledger { return &Ledger{books: &books{predicting: true}} }

// For returns the same ledger for buffers of one use.
func (l *Ledger) For(u Use) *Ledger { return &Ledger{l.books, u} }

// Predicting reports whether the ledger only keeps the books. Whoever fills a
// buffer after allocating it asks first.
func (l *Ledger) Predicting() bool { return l.predicting }

// Floats registers and returns n zeroed float32 values (nil when predicting).
func (l *Ledger) Floats(c Category, name string, n int) []float32 {
	return values[float32](l, c, name, n)
}

// Ints registers and returns n zeroed int32 values (nil when predicting).
func (l *Ledger) Ints(c Category, name string, n int) []int32 { return values[int32](l, c, name, n) }

// Halves registers and returns n zeroed 16-bit values (nil when predicting).
func (l *Ledger) Halves(c Category, name string, n int) []uint16 {
	return values[uint16](l, c, name, n)
}

// Codes registers and returns n zeroed 8-bit values (nil when predicting).
func (l *Ledger) Codes(c Category, name string, n int) []uint8 { return values[uint8](l, c, name, n) }

func values[T any](l *Ledger, c Category, name string, n int) []T {
	l.Register(c, name, int64(n)*int64(unsafe.Sizeof(*new(T))))
	if l.predicting {
		return nil
	}
	return slab[T](n)
}

// Register enters a buffer that its owner allocated. A category holds each
// name once; a second use is a programming mistake and panics.
func (l *Ledger) Register(c Category, name string, bytes int64) {
	if l.find(c, name) >= 0 {
		panic(fmt.Sprintf("memory: %s %q registered twice", c, name))
	}
	l.entries = append(l.entries, Entry{c, name, bytes, l.use})
	l.total += bytes
	l.peak = max(l.peak, l.total)
}

// Free strikes a buffer out. The owner drops its slice at the same time.
func (l *Ledger) Free(c Category, name string) {
	i := l.find(c, name)
	if i < 0 {
		panic(fmt.Sprintf("memory: %s %q is not registered", c, name))
	}
	l.total -= l.entries[i].Bytes
	l.entries = slices.Delete(l.entries, i, i+1)
}

func (l *Ledger) find(c Category, name string) int {
	return slices.IndexFunc(l.entries, func(e Entry) bool { return e.Category == c && e.Name == name })
}

// Entries returns a copy of the registered buffers in order of registration.
func (l *Ledger) Entries() []Entry { return slices.Clone(l.entries) }

// Total returns the bytes registered now.
func (l *Ledger) Total() int64 { return l.total }

// Peak returns the largest total so far.
func (l *Ledger) Peak() int64 { return l.peak }

// During returns the bytes in use at a time: those that are always, and those of
// the use u. During(Always) is the steady state.
func (l *Ledger) During(u Use) (sum int64) {
	for _, e := range l.entries {
		if e.Use == Always || e.Use == u {
			sum += e.Bytes
		}
	}
	return sum
}

// ByCategory returns the bytes registered now, per category.
func (l *Ledger) ByCategory() map[Category]int64 {
	sums := make(map[Category]int64)
	for _, e := range l.entries {
		sums[e.Category] += e.Bytes
	}
	return sums
}

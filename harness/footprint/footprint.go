// Package footprint is the memory of training by closed formula: what weights,
// gradients and optimizer states of a LLaMA model take with each method.
//
// It knows two of the three columns that ranklab keeps apart. [Exact] counts
// every value and stores it in 2 bytes. [Paper] is the rule behind the memory
// column of the GaLore paper (2403.03507, Tables 2 and 6). The third, what
// ranklab itself allocates, is read off a predicted ledger and not computed
// here; tests hold that its counts of values are those of [Elements].
package footprint

import "ranklab/models"

// Parts is the memory of a model under training, in elements or in bytes.
type Parts struct {
	Weights    int64 `json:"weights"`         // parameters: dense weights, or the factors in their place
	Adapters   int64 `json:"adapters"`        // factors beside a frozen weight
	Gradients  int64 `json:"gradients"`       // of everything that is trained
	State      int64 `json:"optimizer_state"` // moments
	Projectors int64 `json:"projectors"`      // bases of projected gradients
}

// AllWeights returns what the paper calls weights: adapters included.
func (p Parts) AllWeights() int64 { return p.Weights + p.Adapters }

// States returns what the paper calls optimizer states: projectors included.
func (p Parts) States() int64 { return p.State + p.Projectors }

// Total returns the sum of all parts.
func (p Parts) Total() int64 { return p.AllWeights() + p.Gradients + p.States() }

// Elements counts the values that a method keeps for a model. A moment of 8
// bits is a value like any other; the constants of its block are not counted.
func Elements(c models.Config, m Method) (Parts, error) {
	return sum(c, m, counting{1, m.stateElements, func(n int64) int64 { return n }})
}

// Exact returns the bytes of the exact bf16 column: 2 for every value. Moments
// of 8 bits are bytes with constants, see [Method.Block], and so are bases of 8
// or 4, see [Method.ProjectorDtype].
func Exact(c models.Config, m Method) (Parts, error) {
	return sum(c, m, m.exact())
}

// exact is the counting of the exact bf16 column.
func (m Method) exact() counting { return counting{2, m.stateBytes, m.basisBytes} }

// A counting measures tensors: an element takes width, and functions give the
// size of the state of a (rows, cols) tensor and of a basis of n values.
type counting struct {
	width int64
	state func(rows, cols int64) int64
	basis func(n int64) int64
}

// sum adds up the weights of a model.
func sum(c models.Config, m Method, by counting) (Parts, error) {
	if err := m.check(c); err != nil {
		return Parts{}, err
	}
	var total Parts
	var largest int64
	for _, w := range weights(c) {
		one := m.weight(w, by)
		total.Weights += w.count * one.Weights
		total.Adapters += w.count * one.Adapters
		total.Gradients += w.count * one.Gradients
		total.State += w.count * one.State
		total.Projectors += w.count * one.Projectors
		for _, t := range m.trained(w) {
			largest = max(largest, by.width*t.elements())
		}
	}
	if m.Layerwise {
		total.Gradients = largest
	}
	return total, nil
}

package corpus

import "ranklab/internal/random"

// An Order says which sequence each position of a run reads. Position n belongs
// to epoch n/N and takes the next sequence of that epoch's own permutation, so
// that a batch is a function of the key and the position alone.
type Order struct {
	Key random.Key
	N   int // sequences in the split
}

// At returns the sequence that is read at position n ≥ 0.
func (o Order) At(n int) int {
	return o.Key.Step(n/o.N).Permutation(o.N, n%o.N)
}

// Epochs returns how often a run that reads the given number of sequences goes
// through a split of N.
func (o Order) Epochs(sequences int64) float64 {
	return float64(sequences) / float64(o.N)
}

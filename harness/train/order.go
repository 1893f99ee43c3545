package train

import (
	"fmt"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/internal/random"
)

// TrainingOrder returns the order in which a run reads the sequences of its
// training split.
func TrainingOrder(s spec.Run, data corpus.Split) (corpus.Order, error) {
	n := data.Sequences(s.Data.Packing, s.Train.MaxLength)
	if n == 0 {
		return corpus.Order{}, fmt.Errorf("the training split holds no sequence of %d tokens: add text, or lower train.max_length", s.Train.MaxLength)
	}
	return corpus.Order{Key: random.New(uint64(s.Seed.Data)).Stream("order"), N: n}, nil
}

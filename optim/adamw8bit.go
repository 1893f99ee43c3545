package optim

import (
	"fmt"

	"ranklab/tensor"
)

// AdamW8bit is Adam with moments of 8 bits (Dettmers et al., 2110.02861; Adam8bit
// of bitsandbytes): each is kept as indices into a map of 256 values, times the
// largest magnitude of its block. One update of a block:
//
//	m, v ← the kept values
//	M, V, Δ as in AdamW's torch convention, in float32
//	largest magnitudes ← those of m and v;  kept values ← the nearest of the map
//
// so that Δ sees moments before they are rounded. Rounding is deterministic.
//
// A tensor with fewer than MinSize elements keeps its moments in float32. State
// of the others: 2mn bytes, and 8 bytes per block.
type AdamW8bit struct {
	Betas   [2]float64
	Eps     float64
	Block   int // block_size: a power of two in 64 … 4096
	MinSize int // min_8bit_size
}

var _ Rule = AdamW8bit{}

// DefaultAdamW8bit returns betas 0.9 and 0.999, ε 1e-8, blocks of 256 and a
// smallest size of 4096, those of bitsandbytes. An experiment that names none
// of them gets these.
func DefaultAdamW8bit() AdamW8bit {
	return AdamW8bit{Betas: [2]float64{0.9, 0.999}, Eps: 1e-8, Block: 256, MinSize: 4096}
}

// Validate implements [Rule].
func (a AdamW8bit) Validate() error {
	if a.Block < tensor.MinBlock || a.Block > tensor.MaxBlock || a.Block&(a.Block-1) != 0 {
		return fmt.Errorf("block_size %d is not a power of two in %d … %d", a.Block, tensor.MinBlock, tensor.MaxBlock)
	}
	if a.MinSize < 0 {
		return fmt.Errorf("min_8bit_size %d is negative", a.MinSize)
	}
	return a.float32().Validate()
}

// float32 returns the rule that computes the step.
func (a AdamW8bit) float32() AdamW { return AdamW{Betas: a.Betas, Eps: a.Eps, Convention: Torch} }

// formats returns those of M and V of a tensor of n elements.
func (a AdamW8bit) formats(n int) (m, v tensor.Format) {
	if n < a.MinSize {
		return tensor.Format{}, tensor.Format{}
	}
	return tensor.Format{Type: tensor.DynamicSigned, Block: a.Block}, tensor.Format{Type: tensor.DynamicUnsigned, Block: a.Block}
}

// StateBytes implements [Rule]. It does not depend on the precision of other
// rules' state.
func (a AdamW8bit) StateBytes(rows, cols int, _ tensor.Precision) int64 {
	m, v := a.formats(rows * cols)
	return m.Bytes(rows*cols) + v.Bytes(rows*cols)
}

// Direction implements [Rule].
func (a AdamW8bit) Direction(env Env, name string, rows, cols int) Direction {
	m, v := a.formats(rows * cols)
	return &adamW{a.float32(), env.Device, momentIn(env, name, "exp_avg", rows, cols, m), momentIn(env, name, "exp_avg_sq", rows, cols, v)}
}

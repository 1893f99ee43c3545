package bundle

import (
	"strings"

	"ranklab/internal/safetensors"
)

// shape returns the shape that other frameworks give a tensor of a run: gains,
// what belongs to them, and the factored moments of Adafactor are vectors.
func shape(name string, rows, cols int) []int {
	for _, vector := range []string{"norm.weight", ".exp_avg_sq_row", ".exp_avg_sq_col"} {
		if rows == 1 && strings.Contains(name, vector) {
			return []int{cols}
		}
	}
	return []int{rows, cols}
}

// shaped gives tensors those shapes.
func shaped(ts []safetensors.Tensor) []safetensors.Tensor {
	for i, t := range ts {
		if len(t.Shape) == 2 {
			ts[i].Shape = shape(t.Name, t.Shape[0], t.Shape[1])
		}
	}
	return ts
}

package train

import (
	"fmt"
	"math"

	"ranklab/harness/record"
)

// overflow is the gradient norm whose square float32 cannot hold: from there on
// second moments are infinite, and what they divide stands still for ever. The norm
// is that before clipping: a run with such gradients has left the numbers, whatever
// they are clipped to.
var overflow = math.Sqrt(math.MaxFloat32)

// fault looks at what the update to step gave and says why the run has left the
// numbers; "" while it has not. The loss is that of before the update.
func (t *training) fault(loss, norm float64, targets int) string {
	at := fmt.Sprintf("at step %d", t.at.Step)
	switch {
	case targets == 0: // nothing was learnt, and nothing is wrong
		return ""
	case !record.Float(loss).Finite():
		return fmt.Sprintf("training loss is %v %s", loss, at)
	case math.IsNaN(norm) || math.IsInf(norm, 0):
		name, norm := t.worstGradient()
		return fmt.Sprintf("gradient of %s is not finite (norm %v) %s", name, norm, at)
	case norm >= overflow:
		name, _ := t.worstGradient()
		return fmt.Sprintf("gradient norm %.3g, most of it of %s, %s: float32 cannot hold its square", norm, name, at)
	case norm == 0:
		return fmt.Sprintf("gradient of every parameter is zero %s: nothing can be learnt any more", at)
	}
	return ""
}

// worstGradient returns the first parameter whose gradient is not finite, or
// else the one with the largest gradient, and its norm.
func (r *runner) worstGradient() (name string, norm float64) {
	worst := -1.0
	for _, p := range r.model.Params() {
		square := r.squares[p.ID]
		if math.IsNaN(square) || math.IsInf(square, 0) {
			return p.Name, math.Sqrt(square)
		}
		if square > worst {
			name, worst = p.Name, square
		}
	}
	return name, math.Sqrt(worst)
}

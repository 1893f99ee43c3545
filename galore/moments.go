package galore

import (
	"fmt"

	"ranklab/internal/memory"
	"ranklab/optim"
	"ranklab/tensor"
)

// Moments says what becomes of the optimizer's state of a weight when its basis
// changes from P_old to P_new.
type Moments string

// The three choices.
const (
	// Carry leaves it as it is, in the coordinates of the old basis, as the code
	// of 2403.03507 does (GaLore#54).
	Carry Moments = "carry"
	// Reset makes it zero. With [Config.ResetStep] the t of the optimizer's
	// formulas starts again at 1; without it a bias correction that takes the
	// moments for old ones makes the next steps up to 6.6 times too long.
	Reset Moments = "reset"
	// Rotate maps the first moment to the new coordinates and leaves the second:
	//
	//	left    M ← Q·M,    Q = P_newᵀ·P_old   (r, r)
	//	right   M ← M·Qᵀ,   Q = P_new·P_oldᵀ
	//
	// both where both sides are projected: M back in the weight's own coordinates,
	// and projected like a gradient (2410.11289).
	Rotate Moments = "rotate"
)

var moments = []Moments{Carry, Reset, Rotate}

// clock returns the time of an update for projected weights. The last refresh
// that was due, whether or not it found a basis, is a function of the step.
func (c Config) clock(s optim.Step) optim.Clock {
	clock := s.Clock()
	if c.ResetStep && c.UpdateProjGap != Never {
		clock.T = s.N%c.UpdateProjGap + 1
	}
	return clock
}

// A turner rotates first moments. It holds the old bases while new ones are
// found.
type turner struct {
	device      *tensor.Device
	left, right []float32 // the old bases
	q           []float32 // Q of each side
	other       []float32 // a first moment

	old projector // of the weight at hand
}

// newTurner allocates the scratch for the given weights; small holds a moment.
func newTurner(env optim.Env, weights []*projected, small int) (*turner, error) {
	t := &turner{device: env.Device}
	var left, right, q int
	for _, w := range weights {
		if w == nil {
			continue
		}
		if _, ok := w.direction.(optim.Rotator); !ok {
			return nil, fmt.Errorf("galore: moments %q: the base optimizer cannot rotate its first moment", Rotate)
		}
		left, right = max(left, w.left.Rows*w.left.Cols), max(right, w.right.Rows*w.right.Cols)
		q = max(q, w.left.Cols*w.left.Cols+w.right.Rows*w.right.Rows)
	}
	l := env.Ledger.For(memory.Refresh)
	t.left = l.Floats(memory.Scratch, "galore.old_left", left)
	t.right = l.Floats(memory.Scratch, "galore.old_right", right)
	t.q = l.Floats(memory.Scratch, "galore.rotation", q)
	t.other = l.Floats(memory.Scratch, "galore.rotated_moment", small)
	return t, nil
}

// leave keeps the bases of a weight as they are before a refresh.
func (t *turner) leave(p *projector) {
	t.old.left, t.old.right = tensor.Of(t.left, p.left.Rows, p.left.Cols), tensor.Of(t.right, p.right.Rows, p.right.Cols)
	t.device.Copy(t.old.left, p.left)
	t.device.Copy(t.old.right, p.right)
}

// arrive rotates the first moment of a weight whose bases on the renewed sides
// are new. small is scratch for a projected gradient.
func (t *turner) arrive(w *projected, renewed sides, small []float32, c optim.Clock) {
	var r optim.Rotation
	rest := t.q
	if n := w.left.Cols; renewed.left {
		r.Left, rest = tensor.Of(rest, n, n), rest[n*n:]
		t.device.Gemm(tensor.T, tensor.N, 1, w.left, t.old.left, 0, r.Left)
	}
	if n := w.right.Rows; renewed.right {
		r.Right = tensor.Of(rest, n, n)
		t.device.Gemm(tensor.N, tensor.T, 1, w.right, t.old.right, 0, r.Right)
	}
	r.First, r.Other = tensor.Of(small, w.rows, w.cols), tensor.Of(t.other, w.rows, w.cols)
	w.direction.(optim.Rotator).Rotate(r, c)
}

// rotationFLOPs is the arithmetic of a rotation for an (out, in) weight.
func (c Config) rotationFLOPs(out, in int) float64 {
	if c.Moments != Rotate {
		return 0
	}
	r := float64(min(c.Rank, out, in))
	wanted := c.ProjType.sides(out, in)
	rows, cols := float64(out), float64(in)
	if wanted.left {
		rows = r
	}
	if wanted.right {
		cols = r
	}
	var flops float64
	if wanted.left {
		flops += 2 * r * r * (float64(out) + cols)
	}
	if wanted.right {
		flops += 2 * r * r * (float64(in) + rows)
	}
	return flops
}

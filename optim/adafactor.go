package optim

import (
	"fmt"
	"math"

	"ranklab/tensor"
)

// Adafactor (Shazeer and Stern, 1804.04235) with a given learning rate: no
// relative step size and no parameter scaling, as the GaLore paper runs it.
// With β2(t) = 1 - t^(-decay_rate), zero at t = 1, and Z = G⊙G + 1e-30:
//
//	row ← β2(t)·row + (1-β2(t))·mean over columns of Z
//	col ← β2(t)·col + (1-β2(t))·mean over rows of Z
//	U = G / (√(row/mean(row)) · √col)
//	U ← η·U / max(1, RMS(U)/clip_threshold)
//	M ← β1·M + (1-β1)·U;  U ← M           (when β1 > 0: η is inside the momentum)
//	Δ = U
//
// A tensor with one row or one column keeps its second moment whole; the
// factored form reduces to that anyway. State of an m × n matrix: m + n, plus
// mn with β1; of a vector of length n: n, plus n.
type Adafactor struct {
	DecayRate     float64 // exponent of β2(t), in (0, 1]
	ClipThreshold float64 // largest RMS of an unscaled step
	Momentum      float64 // β1 in [0, 1); 0: no first moment
}

var _ Rule = Adafactor{}

// DefaultAdafactor returns decay rate 0.8, clip threshold 1, no momentum. An
// experiment that names none of them gets these.
func DefaultAdafactor() Adafactor { return Adafactor{DecayRate: 0.8, ClipThreshold: 1} }

// Validate implements [Rule].
func (a Adafactor) Validate() error {
	switch {
	case !(a.DecayRate > 0 && a.DecayRate <= 1):
		return fmt.Errorf("decay_rate %v is not in (0, 1]", a.DecayRate)
	case !(a.ClipThreshold > 0):
		return fmt.Errorf("clip_threshold %v must be positive", a.ClipThreshold)
	case !(a.Momentum >= 0 && a.Momentum < 1):
		return fmt.Errorf("momentum %v is not in [0, 1)", a.Momentum)
	}
	return nil
}

// StateBytes implements [Rule]. The second moments are float32 in every
// precision, as in the published implementations: they are few.
func (a Adafactor) StateBytes(rows, cols int, p tensor.Precision) int64 {
	n := rows + cols
	if min(rows, cols) == 1 {
		n = rows * cols
	}
	bytes := 4 * int64(n)
	if a.Momentum > 0 {
		bytes += p.Format().Bytes(rows * cols)
	}
	return bytes
}

// Direction implements [Rule].
func (a Adafactor) Direction(env Env, name string, rows, cols int) Direction {
	d := &adafactor{Adafactor: a, device: env.Device}
	second := func(kind string, rows, cols int) {
		d.second = append(d.second, momentIn(env, name, kind, rows, cols, tensor.Format{}))
	}
	if min(rows, cols) == 1 {
		second("exp_avg_sq", rows, cols)
	} else {
		second("exp_avg_sq_row", 1, rows)
		second("exp_avg_sq_col", 1, cols)
	}
	if a.Momentum > 0 {
		m := newMoment(env, name, "exp_avg", rows, cols)
		d.first = &m
	}
	return d
}

type adafactor struct {
	Adafactor
	device *tensor.Device
	second []moment // row and col, or V
	first  *moment  // M, when Momentum > 0
}

// Step implements [Direction].
func (a *adafactor) Step(g tensor.Matrix, c Clock) {
	rest := tensor.Pow(float64(c.T), -a.DecayRate)
	step := tensor.AdafactorStep{Beta: float32(1 - rest), Rest: float32(rest), Floor: 1e-30}
	if len(a.second) == 1 {
		a.device.AdafactorFull(g, a.second[0].Data.Matrix(), step)
	} else {
		a.device.AdafactorFactored(g, a.second[0].Data.Matrix(), a.second[1].Data.Matrix(), step)
	}
	rms := math.Sqrt(a.device.SumSquares(g) / float64(g.Rows*g.Cols))
	a.device.Scale(float32(c.LR/max(1, rms/a.ClipThreshold)), g)
	if a.first != nil {
		a.device.AverageStored(g, a.first.Data, float32(a.Momentum), float32(1-a.Momentum), a.first.rounding(c))
	}
}

// Apply implements [Direction].
func (a *adafactor) Apply(w, g tensor.Matrix, c Clock) {
	a.Step(g, c)
	a.device.Axpy(-1, g, w)
}

func (a *adafactor) State() []Buffer {
	all := buffers(a.second...)
	if a.first != nil {
		all = append(all, a.first.Buffer)
	}
	return all
}

package optim

import (
	"fmt"

	"ranklab/tensor"
)

// SGD is gradient descent with heavy-ball momentum μ, as in torch.optim.SGD:
//
//	B ← μ·B + G
//	Δ = η·B
//
// State: mn; none when μ = 0.
type SGD struct {
	Momentum float64 // μ in [0, 1)
}

var _ Rule = SGD{}

// Validate implements [Rule].
func (s SGD) Validate() error {
	if !(s.Momentum >= 0 && s.Momentum < 1) {
		return fmt.Errorf("momentum %v is not in [0, 1)", s.Momentum)
	}
	return nil
}

// StateBytes implements [Rule].
func (s SGD) StateBytes(rows, cols int, p tensor.Precision) int64 {
	if s.Momentum == 0 {
		return 0
	}
	return p.Format().Bytes(rows * cols)
}

// Direction implements [Rule].
func (s SGD) Direction(env Env, name string, rows, cols int) Direction {
	d := &sgd{SGD: s, device: env.Device}
	if s.Momentum != 0 {
		b := newMoment(env, name, "momentum_buffer", rows, cols)
		d.b = &b
	}
	return d
}

type sgd struct {
	SGD
	device *tensor.Device
	b      *moment // B, if any
}

// Step implements [Direction].
func (s *sgd) Step(g tensor.Matrix, c Clock) {
	if s.b == nil {
		s.device.Scale(float32(c.LR), g)
		return
	}
	s.device.MomentumStored(g, s.b.Data, float32(s.Momentum), float32(c.LR), s.b.rounding(c))
}

// Apply implements [Direction].
func (s *sgd) Apply(w, g tensor.Matrix, c Clock) {
	s.Step(g, c)
	s.device.Axpy(-1, g, w)
}

func (s *sgd) State() []Buffer {
	if s.b == nil {
		return nil
	}
	return buffers(*s.b)
}

package optim

import "ranklab/tensor"

// A Rotator is a [Direction] whose first moment can follow a change of the
// coordinates of its gradients. A first moment is a sum of gradients, so what
// maps an old gradient to the new coordinates maps it too; second moments, sums
// of squares, cannot be told what lies between two old coordinates and stay.
type Rotator interface {
	Direction
	// Rotate carries out a rotation before the update of c.
	Rotate(r Rotation, c Clock)
}

// A Rotation is the change M ← Left·M·Rightᵀ of a first moment M. A side without
// rows stays as it is.
type Rotation struct {
	Left, Right  tensor.Matrix // (rows, rows) and (cols, cols)
	First, Other tensor.Matrix // scratch of the shape of M
}

// rotate turns a moment, which is rounded as by an update, with noise of its own.
func (m *moment) rotate(d *tensor.Device, r Rotation, c Clock) {
	x, y := r.First, r.Other
	d.Load(x, m.Data)
	if r.Left.Rows > 0 {
		d.Gemm(tensor.N, tensor.N, 1, r.Left, x, 0, y)
		x, y = y, x
	}
	if r.Right.Rows > 0 {
		d.Gemm(tensor.N, tensor.T, 1, x, r.Right, 0, y)
		x = y
	}
	d.Save(m.Data, x, m.precision.Rounding(m.key.Stream("rotation"), c.N))
}

var _, _, _ Rotator = (*adamW)(nil), (*sgd)(nil), (*adafactor)(nil)

// Rotate implements [Rotator]: M turns, V stays.
func (a *adamW) Rotate(r Rotation, c Clock) { a.m.rotate(a.device, r, c) }

// Rotate implements [Rotator]: B turns.
func (s *sgd) Rotate(r Rotation, c Clock) {
	if s.b != nil {
		s.b.rotate(s.device, r, c)
	}
}

// Rotate implements [Rotator]: M turns, the factors of the second moment stay.
func (a *adafactor) Rotate(r Rotation, c Clock) {
	if a.first != nil {
		a.first.rotate(a.device, r, c)
	}
}

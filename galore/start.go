package galore

import (
	"ranklab/models"
	"ranklab/tensor"
)

// StartRows returns the random rows from which the left or the right basis of p
// is made in update n: those that the range finder starts from, cold if there was
// no basis before (see [tensor.Device.StartRows]), or the Z (r, side) of a random
// basis (see [tensor.Device.NormalRows]). It returns no rows where none are drawn.
func (m *Method) StartRows(p *models.Param, left bool, n int, cold bool) tensor.Matrix {
	q := m.weights[p.ID]
	if q == nil {
		return tensor.Matrix{}
	}
	panel := tensor.Panel{Out: p.W.Rows, In: p.W.Cols, Rank: min(m.config.Rank, p.W.Rows, p.W.Cols), Left: left}
	key, side := q.rightKey, p.W.Cols
	if left {
		key, side = q.leftKey, p.W.Rows
	}
	switch m.config.Projector {
	case RangeFinder:
		return m.device.StartRows(panel, cold, key.Step(n))
	case Stiefel, Gaussian:
		return m.device.NormalRows(panel.Rank, side, key.Step(n))
	}
	return tensor.Matrix{}
}

package galore

import (
	"ranklab/models"
	"ranklab/tensor"
)

// StartRows returns the random rows from which the range finder computes the
// left or the right basis of p in update n, cold if there was no basis before:
// see [tensor.Device.StartRows]. It returns no rows where nothing is drawn.
func (m *Method) StartRows(p *models.Param, left bool, n int, cold bool) tensor.Matrix {
	q := m.weights[p.ID]
	if q == nil || m.config.Projector != RangeFinder {
		return tensor.Matrix{}
	}
	panel := tensor.Panel{Out: p.W.Rows, In: p.W.Cols, Rank: min(m.config.Rank, p.W.Rows, p.W.Cols), Left: left}
	key := q.rightKey
	if left {
		key = q.leftKey
	}
	return m.device.StartRows(panel, cold, key.Step(n))
}

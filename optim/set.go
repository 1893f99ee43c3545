package optim

import (
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/tensor"
)

// A Set trains parameters at the rank they have: each by one [Direction] of
// the base optimizer. Methods are made of sets.
type Set struct {
	base       Base
	env        Env
	directions []Direction // by parameter id; nil outside the set
}

// NewSet allocates the state of those parameters for which in holds.
func NewSet(base Base, env Env, params []*models.Param, in func(*models.Param) bool) *Set {
	s := &Set{base, env, make([]Direction, len(params))}
	for _, p := range params {
		if in(p) {
			s.directions[p.ID] = base.Rule.Direction(env, p.Name, p.W.Rows, p.W.Cols)
		}
	}
	return s
}

// Update applies one gradient, which it overwrites. c.LR is the scheduled
// learning rate, before the factor of the parameter's group.
func (s *Set) Update(p *models.Param, grad tensor.Matrix, c Clock) {
	d := s.env.Device
	c.LR = s.base.LR(p.Role, c.LR)
	s.base.Before(d, p.W, grad, c.LR)
	s.directions[p.ID].Apply(p.W, grad, c)
	s.base.After(d, p.W, c.LR)
}

// State lists the buffers of all parameters in order.
func (s *Set) State() []Buffer {
	var all []Buffer
	for _, d := range s.directions {
		if d != nil {
			all = append(all, d.State()...)
		}
	}
	return all
}

// Reset zeroes all state. The next update has t = 1.
func (s *Set) Reset() {
	for _, b := range s.State() {
		b.Data.Clear()
	}
}

// Release strikes the state out of the ledger and drops it; the set trains
// nothing afterwards.
func (s *Set) Release() {
	for _, b := range s.State() {
		b.Data.Free(s.env.Ledger, memory.OptimizerState, b.Name)
	}
	clear(s.directions)
}

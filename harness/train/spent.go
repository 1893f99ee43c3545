package train

import (
	"time"

	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Spent says where the seconds of one update went.
type Spent struct {
	Pass    float64 // forward and backward: grows with the tokens of the update
	Apply   float64 // what the gradients are turned into: the same however many tokens there were
	Refresh float64 // new bases, in the updates that have any
}

// A stopwatch is a sink that knows how long it was at work.
type stopwatch struct {
	sink
	busy time.Duration
}

func (s *stopwatch) begin(step optim.Step, micro int) {
	start := time.Now()
	s.sink.begin(step, micro)
	s.busy += time.Since(start)
}

func (s *stopwatch) take(p *models.Param, grad tensor.Matrix) {
	start := time.Now()
	s.sink.take(p, grad)
	s.busy += time.Since(start)
}

func (s *stopwatch) end() float64 {
	start := time.Now()
	norm := s.sink.end()
	s.busy += time.Since(start)
	return norm
}

package train

import (
	"math"

	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A sink stands between the backward pass, which hands over each gradient as
// soon as it is complete, and the method, which turns it into an update.
// Neither knows which sink is in use, and both sinks give the same bits.
type sink interface {
	// begin starts micro-batch micro of update s.
	begin(s optim.Step, micro int)
	// take receives one gradient of one micro-batch. It is a models.GradFunc.
	take(p *models.Param, grad tensor.Matrix)
	// end applies what has not been applied yet and returns the L2 norm of the
	// update's whole gradient before clipping.
	end() float64
	// sync follows a method that froze or freed parameters between two updates.
	sync()
	// gather is for a look at a part of a batch between two updates: pass runs the
	// passes over each of its micro-batches, and see receives the gradients of the
	// whole part. Nothing is applied.
	gather(micros int, pass func(micro int, take models.GradFunc), see models.GradFunc)
}

// layerwise updates a parameter at once: the only gradient in memory is the
// model's scratch, as large as the largest matrix.
type layerwise struct {
	run  *runner
	step optim.Step
}

func (s *layerwise) begin(step optim.Step, micro int) {
	if micro > 0 {
		panic("train: layer-wise updates with gradient accumulation") // refused by the spec
	}
	s.step = step
	clear(s.run.squares) // of parameters that have been frozen since
}

func (s *layerwise) take(p *models.Param, grad tensor.Matrix) {
	s.run.squares[p.ID] = s.run.device.SumSquares(grad)
	s.run.apply(p, grad, s.step)
}

func (s *layerwise) end() float64 { return s.run.norm() }
func (s *layerwise) sync()        {}

func (s *layerwise) gather(micros int, pass func(int, models.GradFunc), see models.GradFunc) {
	if micros > 1 {
		panic("train: gradient accumulation with layer-wise updates") // half a batch is no larger than a micro-batch
	}
	pass(0, see)
}

// accumulating keeps one gradient buffer per trainable parameter, adds up the
// micro-batches (the first one's gradients are formed in the buffers), clips by
// the global norm, and updates the parameters at the end.
type accumulating struct {
	run      *runner
	step     optim.Step
	gradient []tensor.Matrix // by parameter ID; no data where frozen
}

func (s *accumulating) begin(step optim.Step, micro int) {
	s.step = step
	for _, p := range s.run.model.Params() {
		p.Grad = tensor.Matrix{}
		if micro == 0 {
			p.Grad = s.gradient[p.ID]
		}
	}
}

func (s *accumulating) take(p *models.Param, grad tensor.Matrix) {
	if p.Grad.Rows == 0 {
		s.run.device.Axpy(1, grad, s.gradient[p.ID])
	}
}

func (s *accumulating) end() float64 {
	r := s.run
	clear(r.squares)
	for _, p := range r.model.Params() {
		if !p.Frozen {
			r.squares[p.ID] = r.device.SumSquares(s.gradient[p.ID])
		}
	}
	norm := r.norm()
	// As torch.nn.utils.clip_grad_norm_: every gradient times c/(norm + 1e-6), if below 1.
	clip := r.spec.Train.GradClipping
	if factor := clip / (norm + 1e-6); clip > 0 && factor < 1 {
		for _, p := range r.model.Params() {
			if !p.Frozen {
				r.device.Scale(float32(factor), s.gradient[p.ID])
			}
		}
	}
	for _, p := range r.model.Params() {
		if !p.Frozen {
			r.apply(p, s.gradient[p.ID], s.step)
		}
	}
	return norm
}

// gather uses the buffers: the next update begins them anew.
func (s *accumulating) gather(micros int, pass func(int, models.GradFunc), see models.GradFunc) {
	for micro := range micros {
		s.begin(s.step, micro)
		pass(micro, s.take)
	}
	for _, p := range s.run.model.Params() {
		if !p.Frozen {
			see(p, s.gradient[p.ID])
		}
	}
}

// sync makes the buffers match the parameters that are trainable now.
func (s *accumulating) sync() {
	for _, p := range s.run.model.Params() {
		has := s.gradient[p.ID].Rows > 0
		switch {
		case has && p.Frozen:
			s.run.ledger.Free(memory.Gradients, p.Name)
			s.gradient[p.ID] = tensor.Matrix{}
		case !has && !p.Frozen:
			s.gradient[p.ID] = tensor.Alloc(s.run.ledger, memory.Gradients, p.Name, p.W.Rows, p.W.Cols)
		}
	}
}

// norm is the root of the sum of squared norms, added in parameter order
// whatever the order in which the gradients arrived.
func (r *runner) norm() float64 {
	var sum float64
	for _, v := range r.squares {
		sum += v
	}
	return math.Sqrt(sum)
}

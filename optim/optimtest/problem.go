// Package optimtest is the conformance suite of training methods.
package optimtest

import (
	"math"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// Model returns the structure of the suite's model: one layer of hidden size
// 16 and intermediate size 24 (its linear modules are square, tall and wide),
// two heads, vocabulary 12.
func Model() *models.Llama {
	return models.New(models.Config{
		HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 1, NumAttentionHeads: 2,
		VocabSize: 12, RMSNormEps: 1e-6, InitializerRange: 0.1, RopeTheta: 10000,
	})
}

// A Problem is a quadratic over the weights of a model: with E the difference
// between a module's effective weight (W, W + s·B·A or s·B·A) and a target,
// the loss is ½·Σ‖E‖² over modules and other parameters. Gradients are those
// that the parametrization of the moment asks for:
//
//	dW = E    dB = s·E·Aᵀ    dA = s·Bᵀ·E
//
// The target of a module differs from its weight at the start, or from zero
// where the module is factored, by a matrix of rank 2, so low-rank methods can
// reach it.
type Problem struct {
	Model  *models.Llama
	Method optim.Method
	Ledger *memory.Ledger
	Device *tensor.Device

	env     optim.Env
	targets map[string]tensor.Matrix // by module or parameter name; looked up, never ranged over
}

// NewProblem attaches a method and allocates the model on the given number of
// threads, as of update start of a run of steps updates, with state in the given
// precision.
func NewProblem(method optim.Method, threads, start, steps int, state tensor.Precision) (*Problem, error) {
	d := tensor.NewDevice(tensor.Options{Threads: threads})
	p := &Problem{Model: Model(), Method: method, Ledger: memory.New(), Device: d, targets: map[string]tensor.Matrix{}}
	p.env = optim.Env{Device: d, Ledger: p.Ledger, Key: random.New(7), Start: start, Steps: steps, State: state}
	if err := method.Attach(p.Model, p.env); err != nil {
		d.Close()
		return nil, err
	}
	p.Model.Allocate(models.Runtime{Device: d, Ledger: p.Ledger, Key: p.env.Key}, 1, 4, true)
	for _, l := range p.Model.Linears() {
		p.targets[l.Name] = p.target(l)
	}
	for _, q := range p.Model.Params() {
		if q.Role == models.Attention || q.Role == models.MLP {
			continue
		}
		t := zeros(q.W.Rows, q.W.Cols)
		d.FillNormal(t, 0.3, p.env.Key.Stream("target").Tensor(q.Name))
		p.targets[q.Name] = t
	}
	return p, nil
}

// Close stops the device.
func (p *Problem) Close() { p.Device.Close() }

// target draws the target of a module. It depends on the key only, not on how
// the module is parametrized, except for the start that it is added to.
func (p *Problem) target(l *models.Linear) tensor.Matrix {
	d, key := p.Device, p.env.Key.Stream("target").Tensor(l.Name)
	t, b, a := zeros(l.Out, l.In), zeros(l.Out, 2), zeros(2, l.In)
	if l.Weight != nil {
		d.FillNormal(t, p.Model.InitializerRange, p.env.Key.Stream("init").Tensor(l.Weight.Name))
	}
	d.FillNormal(b, 0.4, key.Step(0))
	d.FillNormal(a, 0.4, key.Step(1))
	d.Gemm(tensor.N, tensor.N, 1, b, a, 1, t)
	return t
}

func zeros(rows, cols int) tensor.Matrix { return tensor.Of(make([]float32, rows*cols), rows, cols) }

// Effective returns the matrix that a module multiplies with: W, W + s·B·A or
// s·B·A.
func Effective(d *tensor.Device, l *models.Linear) tensor.Matrix {
	e := zeros(l.Out, l.In)
	if l.Weight != nil {
		d.Copy(e, l.Weight.W)
	}
	if l.A != nil && !l.Bypass {
		d.Gemm(tensor.N, tensor.N, l.Scale, l.B.W, l.A.W, 1, e)
	}
	return e
}

// moduleError returns E of a module.
func (p *Problem) moduleError(l *models.Linear) tensor.Matrix {
	e := Effective(p.Device, l)
	p.Device.Axpy(-1, p.targets[l.Name], e)
	return e
}

// paramError returns E of a parameter outside the modules.
func (p *Problem) paramError(q *models.Param) (e tensor.Matrix, ok bool) {
	t, ok := p.targets[q.Name]
	if !ok {
		return e, false
	}
	e = zeros(q.W.Rows, q.W.Cols)
	p.Device.Copy(e, q.W)
	p.Device.Axpy(-1, t, e)
	return e, true
}

// Loss returns the loss at the present weights.
func (p *Problem) Loss() float64 {
	var loss float64
	for _, l := range p.Model.Linears() {
		loss += p.Device.SumSquares(p.moduleError(l)) / 2
	}
	for _, q := range p.Model.Params() {
		if e, ok := p.paramError(q); ok {
			loss += p.Device.SumSquares(e) / 2
		}
	}
	return loss
}

// Backward hands every gradient to the sink, last parameter first.
func (p *Problem) Backward(sink models.GradFunc) {
	d := p.Device
	params := p.Model.Params()
	grads := make([]tensor.Matrix, len(params))
	for _, l := range p.Model.Linears() {
		e := p.moduleError(l)
		if l.A != nil && !l.A.Frozen {
			grads[l.A.ID], grads[l.B.ID] = zeros(l.A.W.Rows, l.A.W.Cols), zeros(l.B.W.Rows, l.B.W.Cols)
			d.Gemm(tensor.T, tensor.N, l.Scale, l.B.W, e, 0, grads[l.A.ID])
			d.Gemm(tensor.N, tensor.T, l.Scale, e, l.A.W, 0, grads[l.B.ID])
		}
		if l.Weight != nil && !l.Weight.Frozen {
			grads[l.Weight.ID] = e
		}
	}
	for _, q := range params {
		if e, ok := p.paramError(q); ok {
			grads[q.ID] = e
		}
	}
	for i := len(grads) - 1; i >= 0; i-- {
		if grads[i].Rows > 0 {
			sink(params[i], grads[i])
		}
	}
}

// Train runs the updates from … to-1 at learning rate lr, falling as a half
// cosine over the run.
func (p *Problem) Train(from, to int, lr float64) error {
	for n := from; n < to; n++ {
		s := optim.Step{N: n, LR: lr * 0.5 * (1 + math.Cos(math.Pi*float64(n)/float64(p.env.Steps)))}
		p.Backward(func(q *models.Param, g tensor.Matrix) { p.Method.Update(q, g, s) })
		if err := p.Method.EndStep(s); err != nil {
			return err
		}
	}
	return nil
}

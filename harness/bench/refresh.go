package bench

import (
	"context"
	"slices"
	"time"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// refresh measures new projectors for all targets, of every method that has
// any.
func (s *session) refresh(ctx context.Context) error {
	for _, b := range s.bodies {
		for _, run := range b.runs {
			if run.Method.Kind != "galore" {
				continue
			}
			if b.pass == 0 {
				s.say("%s forward and backward", b.name)
				stepper, err := train.NewStepper(run, s.device)
				if err != nil {
					return err
				}
				if err := s.passOf(ctx, b, run, stepper); err != nil {
					return err
				}
			}
			s.say("%s %s", b.name, run.Method.Name)
			if err := s.refreshOf(ctx, b, run); err != nil {
				return err
			}
		}
	}
	return nil
}

// period is the number of updates between the refreshes that are measured; it
// changes nothing in what one costs.
const period = 1000

// refreshOf measures one layer, whose step with a refresh is compared with one
// without, times the number of layers. The first refresh starts from nothing;
// those that follow may start from the basis before, if the method can.
func (s *session) refreshOf(ctx context.Context, b *body, run spec.Run) error {
	run.Method.UpdateProjGap = period
	layer, err := s.newLayer(run)
	if err != nil {
		return err
	}
	first := layer.step(0)
	plain := layer.step(1)
	for n := range 3 {
		plain = min(plain, layer.step(2+n))
	}
	var again []float64
	for start, spent := time.Now(), first; len(again) < s.Runs && spent < 10*s.PerFigure.Seconds(); spent = time.Since(start).Seconds() {
		if err := ctx.Err(); err != nil {
			return err
		}
		again = append(again, layer.step(period*(1+len(again))))
	}
	layers := float64(run.Model.NumHiddenLayers)
	for _, x := range []struct {
		name    string
		seconds []float64
	}{{"first", []float64{first}}, {"again", again}} {
		if len(x.seconds) == 0 {
			s.note("%s %s: a refresh takes so long that only the first one of a layer was measured", b.name, run.Method.Name)
			continue
		}
		var samples []sample
		for _, seconds := range x.seconds {
			samples = append(samples, sample{seconds: layers * max(seconds-plain, 1e-9)})
		}
		f := Figure{
			Section: s.section, Preset: b.name, Name: run.Method.Name + ", " + x.name, By: ours,
			Work: layers * float64(len(layer.params)), Unit: matrices,
		}.of(samples)
		f.Passes = f.Seconds.Median / b.pass
		s.add(f)
	}
	return nil
}

// A layer is one layer's targets under a method, without a model around them.
type layer struct {
	device  *tensor.Device
	method  optim.Method
	params  []*models.Param
	grads   map[[2]int]tensor.Matrix // by shape: signal, and scratch that Update may overwrite
	scratch map[[2]int]tensor.Matrix
	key     random.Key
	steps   int
}

func (s *session) newLayer(run spec.Run) (*layer, error) {
	c := run.Model.Config
	c.NumHiddenLayers, c.VocabSize = 1, 1
	method, err := train.NewMethod(run)
	if err != nil {
		return nil, err
	}
	l := &layer{device: s.device, method: method, grads: map[[2]int]tensor.Matrix{}, scratch: map[[2]int]tensor.Matrix{}, key: random.New(4)}
	model, books := models.New(c), memory.New()
	if err := method.Attach(model, optim.Env{Device: s.device, Ledger: books, Key: l.key, Steps: run.Train.Steps}); err != nil {
		return nil, err
	}
	model.Allocate(models.Runtime{Device: s.device, Ledger: books, Key: l.key}, 1, 2, false)
	for _, x := range model.Linears() {
		if slices.Contains(run.Method.Targets, string(x.Role)) {
			l.params = append(l.params, x.Weight)
		}
	}
	for _, p := range l.params {
		shape := [2]int{p.W.Rows, p.W.Cols}
		if _, have := l.grads[shape]; !have {
			l.grads[shape] = l.signal(shape, run.Method.Rank)
			l.scratch[shape] = tensor.Of(memory.Floats(shape[0]*shape[1]), shape[0], shape[1])
		}
	}
	return l, nil
}

// signal returns a matrix of the rank that is looked for, as large as the
// noise that each step adds to it.
func (l *layer) signal(shape [2]int, rank int) tensor.Matrix {
	rank = min(rank, shape[0], shape[1])
	normal := func(name string, rows, cols int) tensor.Matrix {
		m := tensor.Of(memory.Floats(rows*cols), rows, cols)
		l.device.FillNormal(m, 1, l.key.Tensor(name))
		return m
	}
	g := normal("noise", shape[0], shape[1])
	l.device.Gemm(tensor.N, tensor.N, 1/float32(rank), normal("left", shape[0], rank), normal("right", rank, shape[1]), 0.1, g)
	return g
}

// step updates all targets as update n does, and returns the seconds of the
// method's part.
func (l *layer) step(n int) float64 {
	at, total := optim.Step{N: n, LR: 1e-3}, 0.0
	l.steps++
	for _, p := range l.params {
		shape := [2]int{p.W.Rows, p.W.Cols}
		g := l.scratch[shape]
		l.device.FillNormal(g, 0.1, l.key.Tensor(p.Name).Step(l.steps))
		l.device.Add(g, l.grads[shape])
		total += timeOf(func() { l.method.Update(p, g, at) }).Seconds()
	}
	total += timeOf(func() { l.method.EndStep(at) }).Seconds()
	if r, ok := l.method.(optim.Reporter); ok {
		r.Events()
	}
	return total
}

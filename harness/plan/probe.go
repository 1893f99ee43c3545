package plan

import (
	"context"
	"runtime/debug"
	"time"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// A prober measures shapes by training two shallow models of them on random
// tokens.
type prober struct {
	device *tensor.Device
	now    func() time.Time
}

// shallow and deep are the depths that are measured. New bases are computed in
// the shallow one only, since exact ones take long.
const (
	shallow = 1
	deep    = 3
)

// Of each figure the least counts: a neighbour on the machine makes a sample
// longer, nothing makes it shorter. The two depths take turns, so that both see
// the same machine, for leastRounds at least and until they fill a while; and
// up to mostRounds while the figures are not plausible, or while the two least
// samples of one differ by more than agreement: the extrapolation to twelve layers
// makes five percent of one, and more than ten of two that err in opposite ways.
const (
	leastRounds = 2
	mostRounds  = 6
	while       = 200 * time.Millisecond
	agreement   = 0.01
)

// probe calibrates a shape.
func (p prober) probe(ctx context.Context, shape spec.Run) (Calibration, error) {
	defer debug.FreeOSMemory() // what follows, or runs beside this process, needs the room
	expected, err := expectedLines(shape, p.device)
	if err != nil {
		return Calibration{}, err
	}
	var models [2]*probed
	for i, depth := range []int{shallow, deep} {
		if models[i], err = p.assemble(shape, depth); err != nil {
			return Calibration{}, err
		}
		if err := models[i].update(ctx); err != nil { // a warm-up; of GaLore the first bases
			return Calibration{}, err
		}
	}
	a, b := models[0], models[1]
	a.first, a.least = a.least.refresh.first, point{setUp: a.least.setUp}
	b.least = point{setUp: b.least.setUp}

	line := func(part func(point) least) Line {
		return through(shallow, part(a.least).first, deep, part(b.least).first)
	}
	var pass, eval Line
	began := p.now()
	for round := 1; round <= mostRounds; round++ {
		for _, m := range models {
			if err := m.update(ctx); err != nil {
				return Calibration{}, err
			}
			m.evaluate()
		}
		pass, eval = line(func(x point) least { return x.pass }), line(func(x point) least { return x.eval })
		enough := round >= leastRounds && p.now().Sub(began) >= while && a.least.sure() && b.least.sure()
		if enough && pass.plausible(expected.pass) && eval.plausible(expected.eval) {
			break
		}
	}
	c := Calibration{
		Pass: pass.atLeast(expected.pass), Eval: eval.atLeast(expected.eval),
		Apply: line(func(x point) least { return x.apply }),
		SetUp: line(func(x point) least { return x.setUp }),
	}
	if shape.Method.Kind == "galore" {
		for n := range leastRounds {
			a.Seek((n + 1) * probeGap)
			if err := a.update(ctx); err != nil {
				return Calibration{}, err
			}
		}
		// Bases are found matrix by matrix, and a model has none but in its layers.
		c.First, c.Refresh = Line{Layer: a.first / shallow}, Line{Layer: a.least.refresh.first / shallow}
	}
	return c, nil
}

// A point is what a model of one depth takes, in seconds: a pass and an
// evaluation per token.
type point struct{ pass, apply, refresh, eval, setUp least }

// sure reports whether the samples of what takes nearly all the time agree.
func (p point) sure() bool { return p.pass.sure() && p.eval.sure() }

// A least holds the two smallest of some samples; 0 = there is none.
type least struct{ first, second float64 }

// keep takes a sample into account, unless it is not positive.
func (l *least) keep(sample float64) {
	switch {
	case !(sample > 0):
	case l.first == 0 || sample < l.first:
		l.first, l.second = sample, l.first
	case l.second == 0 || sample < l.second:
		l.second = sample
	}
}

// sure reports whether there are two samples that agree.
func (l least) sure() bool { return l.second > 0 && l.second <= (1+agreement)*l.first }

// A probed is a model that is measured.
type probed struct {
	*train.Stepper
	now    func() time.Time
	tokens float64 // of an update
	least  point   // of the samples so far
	first  float64 // seconds of the first bases
}

func (p prober) assemble(shape spec.Run, depth int) (*probed, error) {
	shape.Model.NumHiddenLayers = depth
	assemble := train.NewStepper
	if depth == shallow {
		assemble = train.FirstStepper
	}
	began := p.now()
	stepper, err := assemble(shape, p.device)
	if err != nil {
		return nil, err
	}
	m := &probed{Stepper: stepper, now: p.now, tokens: float64(shape.Train.BatchSize * shape.Train.MaxLength)}
	m.least.setUp.keep(p.now().Sub(began).Seconds())
	return m, nil
}

// update takes a sample of an update.
func (m *probed) update(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := m.Update(); err != nil {
		return err
	}
	spent := m.Spent()
	m.least.pass.keep(spent.Pass / m.tokens)
	m.least.apply.keep(spent.Apply)
	m.least.refresh.keep(spent.Refresh)
	return nil
}

// evaluate takes a sample of an evaluation. It needs no warm-up: updates have
// touched all that it does.
func (m *probed) evaluate() {
	began := m.now()
	tokens := m.Evaluate()
	m.least.eval.keep(m.now().Sub(began).Seconds() / float64(tokens))
}

// lines are the operations of one token as functions of depth.
type lines struct{ pass, eval Line }

// expectedLines counts the operations.
func expectedLines(shape spec.Run, device *tensor.Device) (lines, error) {
	var p [2]*train.Prediction
	for i, depth := range []int{shallow, deep} {
		shape.Model.NumHiddenLayers = depth
		var err error
		if p[i], err = train.Predict(shape, device); err != nil {
			return lines{}, err
		}
	}
	tokens := float64(shape.Train.BatchSize * shape.Train.MaxLength)
	return lines{
		pass: through(shallow, p[0].StepFLOPs/tokens, deep, p[1].StepFLOPs/tokens),
		eval: through(shallow, p[0].EvalFLOPs, deep, p[1].EvalFLOPs),
	}, nil
}

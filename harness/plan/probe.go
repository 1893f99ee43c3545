package plan

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// A prober measures shapes by training shallow models of them on random tokens.
type prober struct {
	device *tensor.Device
	now    func() time.Time
}

// shallow and deep are the depths that are measured.
const (
	shallow = 1
	deep    = 3
)

// Each figure is the median of several measurements: of at least this many,
// unless they take long, and of as many as fill a while.
const (
	leastSamples = 3
	shortest     = 60 * time.Millisecond
	longest      = time.Second
)

// A point is what a model of one depth takes, in seconds.
type point struct{ pass, apply, first, refresh, eval, setUp float64 }

// probe calibrates a shape.
func (p prober) probe(ctx context.Context, shape spec.Run) (Calibration, error) {
	defer debug.FreeOSMemory() // what follows, or runs beside this process, needs the room
	a, err := p.at(ctx, shape, shallow)
	if err != nil {
		return Calibration{}, err
	}
	b, err := p.at(ctx, shape, deep)
	if err != nil {
		return Calibration{}, err
	}
	line := func(part func(point) float64) Line { return through(shallow, part(a), deep, part(b)) }
	return Calibration{
		Pass:  line(func(x point) float64 { return x.pass }),
		Apply: line(func(x point) float64 { return x.apply }),
		// New bases are found matrix by matrix, and a model has none but in its layers.
		First: Line{Layer: a.first / shallow}, Refresh: Line{Layer: a.refresh / shallow},
		Eval:  line(func(x point) float64 { return x.eval }),
		SetUp: line(func(x point) float64 { return x.setUp }),
	}, nil
}

// at measures a model of some depth. New bases are computed in the shallow one
// only: exact ones take long.
func (p prober) at(ctx context.Context, shape spec.Run, depth int) (point, error) {
	shape.Model.NumHiddenLayers = depth
	assemble := train.NewStepper
	bases := shape.Method.Kind == "galore" && depth == shallow
	if bases {
		assemble = train.FirstStepper
	}
	var x point
	began := p.now()
	stepper, err := assemble(shape, p.device)
	if err != nil {
		return x, err
	}
	x.setUp = p.now().Sub(began).Seconds()
	update := func() (train.Spent, error) {
		_, err := stepper.Update()
		return stepper.Spent(), err
	}
	first, err := update() // also the warm-up
	if err != nil {
		return x, err
	}
	x.first = first.Refresh

	spent, err := repeat(ctx, p.now, update)
	if err != nil {
		return x, err
	}
	x.pass = median(spent, func(s train.Spent) float64 { return s.Pass }) / float64(shape.Train.BatchSize*shape.Train.MaxLength)
	x.apply = median(spent, func(s train.Spent) float64 { return s.Apply })

	if bases {
		next := 0
		spent, err = repeat(ctx, p.now, func() (train.Spent, error) {
			next++
			stepper.Seek(next * probeGap)
			return update()
		})
		if err != nil {
			return x, err
		}
		x.refresh = median(spent, func(s train.Spent) float64 { return s.Refresh })
	}

	// No warm-up: updates have touched all that an evaluation does.
	tokens, err := repeat(ctx, p.now, func() (float64, error) {
		began := p.now()
		n := stepper.Evaluate()
		return p.now().Sub(began).Seconds() / float64(n), nil
	})
	x.eval = median(tokens, func(t float64) float64 { return t })
	return x, err
}

// repeat measures until there are enough samples, or they have taken long.
func repeat[T any](ctx context.Context, now func() time.Time, f func() (T, error)) ([]T, error) {
	var samples []T
	for began := now(); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, err := f()
		if err != nil {
			return nil, err
		}
		samples = append(samples, x)
		spent := now().Sub(began)
		if spent >= longest || spent >= shortest && len(samples) >= leastSamples {
			return samples, nil
		}
	}
}

// median returns the middle one of a figure of the samples, the lower one of
// two: a neighbour on the machine makes samples longer, nothing makes them shorter.
func median[T any](samples []T, figure func(T) float64) float64 {
	xs := make([]float64, len(samples))
	for i, s := range samples {
		xs[i] = figure(s)
	}
	slices.Sort(xs)
	return xs[(len(xs)-1)/2]
}

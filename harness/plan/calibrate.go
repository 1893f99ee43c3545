package plan

import (
	"context"
	"fmt"
	"time"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// A Calibrating says where the times of a plan come from.
type Calibrating int

// Sources of times.
const (
	ByArithmetic Calibrating = iota // operations at a speed that is assumed
	Calibrate                       // timed updates; those of earlier plans are kept
	Recalibrate                     // timed updates, made anew
)

// Measuring has to pay: a shape is not timed if it is expected to take longer
// than probeLimit, nor once a plan has spent planLimit on it; or, of runs that
// are so long that it does not matter, longer than this share of their time.
const (
	probeLimit = 30.  // seconds
	planLimit  = 120. // seconds
	worthShare = 0.02
)

// A candidate is a run, or a phase of one, that a calibration would serve, and
// its seconds by a rough estimate.
type candidate struct {
	run     spec.Run
	seconds float64
}

// probeShare is the part of a matrix product's speed at which the length of a
// measurement is reckoned; large models, the only ones that take long, reach
// this much.
const probeShare = 0.7

// A calibrator finds the calibrations of a plan.
type calibrator struct {
	mode    Calibrating
	machine machine
	cache   *cache
	limit   int64 // bytes that a measurement may use; 0 = unknown
	now     func() time.Time
	probe   func(context.Context, spec.Run) (Calibration, error)
	// expect predicts the seconds and the bytes of a measurement.
	expect   func(spec.Run) (seconds float64, bytes int64, err error)
	progress func(stage string, done, total int64) // may be nil

	known map[string]Calibration
	notes []string
}

func newCalibrator(o Options, device *tensor.Device, rate Rate) *calibrator {
	c := &calibrator{
		mode: o.Calibrate, machine: machineOf(device), limit: o.Memory, now: time.Now,
		probe: prober{device, time.Now}.probe, progress: o.Progress, known: map[string]Calibration{},
	}
	c.expect = func(s spec.Run) (float64, int64, error) { return expectation(s, device, rate) }
	if c.mode != ByArithmetic {
		var note string
		if c.cache, note = openCache(o.Cache); note != "" {
			c.notes = append(c.notes, note)
		}
	}
	return c
}

// calibrate makes sure that the shapes of some runs are known, as far as
// measuring them is reasonable.
func (c *calibrator) calibrate(ctx context.Context, runs []candidate) error {
	if c.mode == ByArithmetic {
		return nil
	}
	var missing []spec.Run
	served := map[string]float64{} // seconds of the runs of a shape
	var all float64
	for _, r := range runs {
		shape := shape(r.run)
		k := key(c.machine, shape)
		_, seen := served[k]
		served[k] += r.seconds
		all += r.seconds
		if seen {
			continue
		}
		if e, ok := c.cache.entries[k]; ok && c.mode == Calibrate {
			c.known[k] = e.Calibration
			continue
		}
		missing = append(missing, shape)
	}
	var large, late int
	began := c.now()
	for i, shape := range missing {
		if c.progress != nil {
			c.progress("calibrating", int64(i), int64(len(missing)))
		}
		seconds, bytes, err := c.expect(shape)
		if err != nil {
			return err
		}
		spent := c.now().Sub(began).Seconds()
		switch {
		case seconds > max(probeLimit, worthShare*served[key(c.machine, shape)]) || c.limit > 0 && bytes > c.limit:
			large++
			continue
		case spent+seconds > max(planLimit, worthShare*all):
			late++
			continue
		}
		if err := c.measure(ctx, shape); err != nil {
			return err
		}
	}
	if c.progress != nil && len(missing) > 0 {
		c.progress("calibrating", int64(len(missing)), int64(len(missing)))
	}
	if large > 0 {
		c.notes = append(c.notes, fmt.Sprintf("%d kinds of run are too large to be timed here: their time is a rough estimate", large))
	}
	if late > 0 {
		c.notes = append(c.notes, fmt.Sprintf("%d kinds of run were not timed, to keep this short: their time is a rough estimate; planning again times more", late))
	}
	return nil
}

// measure calibrates a shape and stores it. What fails leaves a note: a plan is
// worth having without its times.
func (c *calibrator) measure(ctx context.Context, shape spec.Run) error {
	calibration, err := c.probe(ctx, shape)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && !calibration.valid():
		err = fmt.Errorf("the measurement makes no sense: %+v", calibration)
	}
	if err != nil {
		c.notes = append(c.notes, fmt.Sprintf("the time of a kind of run is a rough estimate: %v", err))
		return nil
	}
	k := key(c.machine, shape)
	c.known[k] = calibration
	m, t := shape.Model, shape.Train
	of := fmt.Sprintf("%s, hidden_size %d, vocab_size %d, rank %d, %d x %d tokens", shape.Method.Kind, m.HiddenSize, m.VocabSize, shape.Method.Rank, t.BatchSize, t.MaxLength)
	if err := c.cache.put(k, entry{c.machine, of, calibration}); err != nil {
		c.notes = append(c.notes, fmt.Sprintf("the calibration is not kept: %v", err))
	}
	return nil
}

// of returns the calibrations of the phases of a run, and false if one of them
// is not known.
func (c *calibrator) of(phases []phase) ([]Calibration, bool) {
	var all []Calibration
	for _, p := range phases {
		calibration, ok := c.known[key(c.machine, shape(p.run))]
		if !ok {
			return nil, false
		}
		all = append(all, calibration)
	}
	return all, true
}

// expectation is what a measurement takes at least: the two models are there at
// the same time.
func expectation(shape spec.Run, device *tensor.Device, rate Rate) (seconds float64, bytes int64, err error) {
	for _, depth := range []int{shallow, deep} {
		shape.Model.NumHiddenLayers = depth
		p, err := train.Predict(shape, device)
		if err != nil {
			return 0, 0, err
		}
		tokens := float64(shape.Train.BatchSize * shape.Train.MaxLength)
		seconds += ((1+leastRounds)*p.StepFLOPs + leastRounds*tokens*p.EvalFLOPs) / (probeShare * rate.Gemm)
		if depth == shallow {
			seconds += (1 + leastRounds) * p.RefreshFLOPs / rate.refresh(shape.Method.Projector, device.Threads())
		}
		bytes += p.Ledger.Total()
	}
	return seconds, Need(bytes), nil
}

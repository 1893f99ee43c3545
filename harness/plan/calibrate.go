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
	gemm    float64        // speed of a matrix product when the plan began, FLOP/s
	speed   func() float64 // the same now
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
		mode: o.Calibrate, machine: machineOf(device), gemm: rate.Gemm, limit: o.Memory, now: time.Now,
		probe: prober{device, time.Now}.probe, progress: o.Progress, known: map[string]Calibration{},
	}
	c.expect = func(s spec.Run) (float64, int64, error) { return expectation(s, device, rate) }
	c.speed = func() float64 { return o.rate(device).Gemm }
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
	slowest := 1.0
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
			c.known[k] = e.Calibration // better than none, if there is no time for a new one
			if e.isDisturbed(c.gemm) {
				slowest = min(slowest, c.gemm/e.Gemm)
			}
			if !e.wasDisturbed(c.gemm) {
				continue
			}
		}
		missing = append(missing, shape)
	}
	if slowest < 1 {
		c.notes = append(c.notes, fmt.Sprintf("this machine multiplies matrices at %.0f %% of the speed that it had when it was calibrated: other programs seem to be at work, and beside them runs take longer than said here", 100*slowest))
	}
	var large, late, old int
	skip := func(k string, why *int) {
		if _, ok := c.known[k]; ok {
			why = &old
		}
		*why++
	}
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
		k := key(c.machine, shape)
		switch {
		case seconds > max(probeLimit, worthShare*served[k]) || c.limit > 0 && bytes > c.limit:
			skip(k, &large)
			continue
		case spent+seconds > max(planLimit, worthShare*all):
			skip(k, &late)
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
	if old > 0 {
		c.notes = append(c.notes, fmt.Sprintf("%d kinds of run were timed while the machine was slower than now, and not again, to keep this short: planning again times more", old))
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
	gemm := min(c.gemm, c.speed()) // another program may have come meanwhile
	if err := c.cache.put(k, entry{c.machine, inWords(shape), gemm, time.Now().UTC().Format(time.RFC3339), calibration}); err != nil {
		c.notes = append(c.notes, fmt.Sprintf("the calibration is not kept: %v", err))
	}
	return nil
}

// inWords names what tells most shapes apart.
func inWords(shape spec.Run) string {
	method, m, t := shape.Method, shape.Model, shape.Train
	words := method.Kind
	for _, setting := range []string{method.Optimizer, method.Projector, method.Moments, method.ProjectorDtype, t.Dtype, t.StateDtype} {
		if setting != "" {
			words += " " + setting
		}
	}
	return fmt.Sprintf("%s, hidden_size %d, vocab_size %d, rank %d, %d x %d tokens", words, m.HiddenSize, m.VocabSize, method.Rank, t.BatchSize, t.MaxLength)
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

package bench

import (
	"context"
	"runtime"
	"runtime/debug"

	"ranklab/harness/spec"
	"ranklab/harness/train"
)

// step measures forward and backward, and the steps of all methods.
func (s *session) step(ctx context.Context) error {
	for _, b := range s.bodies {
		for i, run := range b.runs {
			if err := s.stepOf(ctx, b, run, i == 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// stepOf measures the updates of one run between two refreshes or merges, and
// before them, if asked to, its passes alone.
func (s *session) stepOf(ctx context.Context, b *body, run spec.Run, alone bool) error {
	method := run.Method.Name
	s.say("%s %s", b.name, method)
	defer debug.FreeOSMemory() // the next run is as large
	stepper, err := train.NewStepper(run, s.device)
	if err != nil {
		return err
	}
	if alone {
		if err := s.passOf(ctx, b, run, stepper); err != nil {
			return err
		}
	}
	tokens := float64(run.Train.TotalBatchSize * run.Train.MaxLength)
	f := Figure{
		Section: s.section, Preset: b.name, Name: method, By: ours, Unit: gflops, Limit: Peak,
		Work: tokens * TokenFLOPs(run.Model.Config, run.Train.MaxLength), Rule: fullRankRule, Memory: stepper.Memory(),
	}
	if run.Method.Kind != run.Method.Optimizer { // a low-rank method
		p, err := train.Predict(run, s.device)
		if err != nil {
			return err
		}
		f.Work, f.Rule = p.StepFLOPs, lowRankRule
	}
	runtime.GC() // what the set-up left; a collection in the middle of an update allocates a little itself
	var mallocs []float64
	var objects uint64
	samples, err := s.repeat(ctx, func() float64 {
		limit := s.peak(b.name+" "+method, 4*s.turn())
		objects = heapObjects()
		return limit
	}, func() error {
		_, err := stepper.Update()
		return err
	}, func() { mallocs = append(mallocs, float64(heapObjects()-objects)) })
	if err != nil {
		return err
	}
	f = f.of(samples)
	f.TokensPerSecond = perSecond(tokens, samples)
	made := spread(mallocs)
	f.Mallocs = &made
	s.add(f)
	return nil
}

// passOf measures forward and backward without updates.
func (s *session) passOf(ctx context.Context, b *body, run spec.Run, stepper *train.Stepper) error {
	tokens := float64(run.Train.BatchSize * run.Train.MaxLength)
	samples, err := s.repeat(ctx, func() float64 {
		return s.peak(b.name+" forward and backward", 4*s.turn())
	}, func() error {
		stepper.Pass()
		return nil
	}, func() {})
	if err != nil {
		return err
	}
	f := Figure{
		Section: s.section, Preset: b.name, Name: "forward and backward", By: ours, Unit: gflops, Limit: Peak,
		Work: tokens * TokenFLOPs(run.Model.Config, run.Train.MaxLength), Rule: fullRankRule,
	}.of(samples)
	f.TokensPerSecond = perSecond(tokens, samples)
	b.pass = f.Seconds.Median
	s.add(f)
	return nil
}

func perSecond(n float64, samples []sample) *Spread {
	r := spread(each(samples, func(x sample) float64 { return n / x.seconds }))
	return &r
}

// heapObjects counts the allocations of the process so far.
func heapObjects() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

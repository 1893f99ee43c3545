package doctor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"ranklab/corpus"
	"ranklab/harness/golden"
	"ranklab/harness/record"
	"ranklab/harness/selftest"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// numbers makes sure that this machine computes what every machine computes:
// operations one by one, then whole runs.
func (e *examination) numbers() {
	e.selfTest()
	if e.ctx.Err() != nil {
		return
	}
	if err := e.goldenRuns(); err != nil && e.ctx.Err() == nil {
		e.find(Finding{Subject: "golden runs", Level: Failure, Text: err.Error()})
	}
}

// shownFaults is how many wrong operations are printed.
const shownFaults = 8

func (e *examination) selfTest() {
	r, err := selftest.Run(e.ctx, e.operations, selftest.Paths(runtime.GOMAXPROCS(0)), e.kernels)
	if err != nil {
		return // ctx has ended
	}
	var paths []string
	for _, p := range r.Paths {
		paths = append(paths, p.String())
	}
	values := map[string]any{"operations": r.Operations, "paths": paths, "digest": r.Digest, "faults": r.Faults, "seconds": r.Seconds}
	if len(r.Faults) == 0 {
		e.find(Finding{
			Subject: "kernels", Level: OK, Values: values,
			Text: fmt.Sprintf("%d operations give the same bits: %s (%.1f s)", r.Operations, strings.Join(paths, ", "), r.Seconds),
		})
		return
	}
	e.find(Finding{
		Subject: "kernels", Level: Failure, Values: values,
		Text: fmt.Sprintf("%s of %d operations", count(len(r.Faults), "wrong result"), r.Operations), Hint: remedy(r.Faults),
	})
	for i, f := range r.Faults {
		if i == shownFaults {
			e.find(Finding{Subject: "wrong", Level: Failure, Text: fmt.Sprintf("… and %d more", len(r.Faults)-i)})
			break
		}
		e.find(Finding{Subject: "wrong", Level: Failure, Text: f.String()})
	}
}

// remedy says what to do about wrong operations.
func remedy(faults []selftest.Fault) string {
	wrong := map[string]bool{}
	for _, f := range faults {
		wrong[f.ISA] = true
	}
	for _, isa := range tensor.Supported() {
		if !wrong[isa.String()] && !wrong[tensor.Go.String()] {
			return "do not trust results of these instruction sets here; until the processor is tested, train with RANKLAB_ISA=" + isa.String()
		}
	}
	return "the pure-Go path itself is wrong: do not trust results of this machine; run this again, test its memory and processor, and build with an official Go compiler and GOAMD64=v1"
}

// goldenVariants are the runs that are trained: a basis that is refreshed, moments
// of 8 bits, weights that are rounded at random, merges and resets.
var goldenVariants = []string{"galore", "relora-8bit"}

// goldenRuns trains tiny models whose every bit is known, as a sweep would. It also
// tells whether a run's memory can be measured here.
func (e *examination) goldenRuns() (err error) {
	dir, err := os.MkdirTemp("", "ranklab-doctor-")
	if err != nil {
		return fmt.Errorf("no temporary folder (%w): name one in TMPDIR", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	set, base, err := golden.Prepare(e.ctx, dir)
	if err != nil {
		return err
	}
	defer set.Close()
	variants := golden.Variants()
	var wrong []string
	var last *record.Summary
	for _, name := range goldenVariants {
		s := base
		variants[name](&s)
		sums, summary, err := e.train(s, set, filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if sums != e.runs[name] {
			wrong = append(wrong, name)
		}
		last = summary
	}
	f := Finding{
		Subject: "golden runs", Level: OK,
		Text:   fmt.Sprintf("%s: weights and states end as they do everywhere (%.1f s)", strings.Join(goldenVariants, ", "), time.Since(began).Seconds()),
		Values: map[string]any{"runs": goldenVariants, "wrong": append([]string{}, wrong...), "seconds": time.Since(began).Seconds()},
	}
	if len(wrong) > 0 {
		f.Level, f.Text = Failure, strings.Join(wrong, ", ")+": weights and states do not end as they do everywhere"
		f.Hint = "numbers of this machine do not compare with those of others; if the kernels are right, run this again: what comes and goes is hardware"
	}
	e.find(f)
	e.resident(last)
	return nil
}

// train trains a run and returns what it ends with. The set is its corpus.
func (e *examination) train(s spec.Run, set *corpus.Set, results string) (sums golden.Sums, summary *record.Summary, err error) {
	isa, _ := e.isa() // an unknown one has been reported
	summary, err = train.Run(e.ctx, train.Options{Spec: s, Results: results, Data: set, ISA: isa, Revision: e.Revision})
	if err != nil {
		return sums, nil, err
	}
	rows, err := os.ReadFile(filepath.Join(record.Dir(results, summary.ID), "metrics.jsonl"))
	sum := sha256.Sum256(rows)
	return golden.Sums{Metrics: hex.EncodeToString(sum[:]), State: summary.StateDigest}, summary, err
}

// resident says whether records will hold the measured memory of runs.
func (e *examination) resident(s *record.Summary) {
	f := Finding{
		Subject: "measured memory", Level: OK, Text: fmt.Sprintf("%s: the peak of this process was %s", s.PeakMeasure, size(s.PeakBytes)),
		Values: map[string]any{"measure": s.PeakMeasure, "peak": s.PeakBytes},
	}
	if s.PeakBytes == 0 {
		f.Level, f.Text = Warning, "this system does not tell the peak of a process ("+s.PeakMeasure+")"
		f.Hint = "records will hold the registered memory alone"
	}
	e.find(f)
}

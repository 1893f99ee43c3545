package cli

import (
	"errors"
	"fmt"

	"ranklab/harness/record"
	"ranklab/harness/report"
	"ranklab/harness/spec"
	"ranklab/harness/train"
)

type diffCmd struct {
	A       string   `arg:"" help:"Id of a run or its first digits, folder of a run, or the name of an experiment."`
	B       string   `arg:"" help:"What to compare it with: a run, or an experiment."`
	Only    []string `help:"Only these parts: ${enum}. Default: all; of experiments spec, data and results." enum:"spec,data,env,results,memory" placeholder:"PART"`
	jsonArg `embed:""`
}

// Help tells it from compare.
func (diffCmd) Help() string {
	return "Key by key, and nothing that is the same: settings, digests of the data, program and machine, results, memory. Runs may be unfinished. " +
		"Of two experiments, runs are matched by label and seed. `ranklab compare` puts the results of two or more finished runs side by side, equal or not."
}

func (c diffCmd) Run(v *env) error {
	a, noA := v.run(c.A)
	b, noB := v.run(c.B)
	if noA == nil && noB == nil {
		list, err := differences2(a, b)
		if err != nil {
			return err
		}
		return report.WriteDifferences(v.stdout, a, b, list, c.Only, c.format())
	}
	left, err := v.sweep(c.A)
	if noA == nil || err != nil {
		return c.mixed(noA, noB, err)
	}
	right, err := v.sweep(c.B)
	if noB == nil || err != nil {
		return c.mixed(noA, noB, err)
	}
	runs, err := record.List(v.results)
	if err != nil {
		return err
	}
	only := c.Only
	if len(only) == 0 {
		only = []string{report.DiffSpec, report.DiffData, report.DiffResults}
	}
	d := report.PairSweeps(left, right, func(a, b string) ([]report.Difference, error) {
		x, errX := record.Find(runs, a)
		y, errY := record.Find(runs, b)
		if err := errors.Join(errX, errY); err != nil {
			return nil, errors.New("one of the runs is not stored yet")
		}
		return differences2(x, y)
	})
	return report.WriteSweepDifference(v.stdout, d, only, c.format())
}

// mixed says that one of the two is a run and the other is not, or is neither.
func (c diffCmd) mixed(noA, noB, noSweep error) error {
	switch {
	case noA == nil || noB == nil:
		run, other := c.A, c.B
		if noA != nil {
			run, other = c.B, c.A
		}
		return exitError{train.ExitUsage, fmt.Sprintf("%s is a run and %s is not: compare two runs, or two experiments", run, other)}
	default:
		return errors.Join(noA, noSweep)
	}
}

// differences2 compares two stored runs.
func differences2(a, b record.Run) ([]report.Difference, error) {
	s, err := spec.LoadRun(record.SpecPath(a.Dir))
	if err != nil {
		return nil, err
	}
	t, err := spec.LoadRun(record.SpecPath(b.Dir))
	if err != nil {
		return nil, err
	}
	var settings []report.Difference
	for _, c := range spec.Changes(s, t) {
		d := report.Difference{Key: c.Key, A: c.A, B: c.B}
		switch c.Of {
		case spec.OfNumbers:
			d.Note = "other numbers"
		case spec.OfExecution:
			d.Note = "same bits, other memory"
		default:
			d.Note = "in no id"
		}
		settings = append(settings, d)
	}
	return report.Differences(a, b, settings)
}

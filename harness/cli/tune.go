package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/report"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/harness/tune"
	"ranklab/harness/view"
	"ranklab/internal/atomicfile"
)

type tuneCmd struct {
	experimentArg `embed:""`
	executionArg  `embed:""`
	calibrateArg  `embed:""`
	Lock          string `help:"Lock file to write. Default: EXPERIMENT.lock.toml beside the experiment's file; needed with -S." type:"path" placeholder:"FILE"`
	FailFast      bool   `help:"Stop at the first failed run instead of finishing the others."`
	Identify      bool   `help:"Write the host's name and the command line into the records."`
}

func (c tuneCmd) Run(v *env) error {
	e, err := c.load()
	if err != nil {
		return err
	}
	if e.Tune == nil {
		return exitError{train.ExitUsage, fmt.Sprintf("%s has no [tune] section: it says which rates to try (docs/tuning.md)", e.Path)}
	}
	path := c.Lock
	if path == "" {
		if options := changes(c.Set); len(options) > 0 {
			return exitError{train.ExitUsage, fmt.Sprintf("with -S %s the rates would not be those of %s: name another lock file with --lock", strings.Join(options, " -S "), e.Path)}
		}
		path = e.Tune.Path
	}
	search := tune.New(e.Tune)
	for _, inst := range search.Instances() {
		if err := inst.Run.Data.Require(); err != nil {
			return err
		}
	}
	fmt.Fprintln(v.stderr, searchSize(e.Tune))
	// The runs are trained as a sweep trains them.
	sweep := sweepCmd{experimentArg: c.experimentArg, executionArg: c.executionArg, calibrateArg: c.calibrateArg, FailFast: c.FailFast, Identify: c.Identify}
	stored, err := v.trialSweep(e, sweep)
	if err != nil {
		return err
	}
	var digests []string
	for why, first := "", true; ; first = false {
		if why != "" {
			fmt.Fprintln(v.stderr, why)
		}
		if digests, err = v.round(e, search, sweep, &stored, first); err != nil {
			return err
		}
		if why = search.Extend(); why == "" {
			break
		}
	}
	lock, failed := search.Lock()
	for i, r := range stored.Runs {
		stored.Runs[i].Chosen = r.Stage == record.Tune && slices.ContainsFunc(search.Trials(), func(t *tune.Trial) bool {
			return t.Chosen && slices.ContainsFunc(t.Runs, func(run tune.Run) bool { return run.ID == record.ShortID(r.ID) })
		})
	}
	if err := v.keepTrials(stored, sweep); err != nil {
		return err
	}
	if err := report.WriteTuning(v.stdout, tuningRows(e.Tune, search)); err != nil {
		return err
	}
	if err := v.trialFigures(filepath.Join(v.results, "figures", e.Name), stored); err != nil {
		return err
	}
	if failed != nil {
		return exitError{train.ExitFailed, failed.Error() + "; no lock file was written"}
	}
	lock.Experiment, lock.Overrides = e.Name, changes(c.Set)
	lock.Data, lock.Tokenizer = digests[0], digests[1]
	if err := v.writeLock(path, lock); err != nil {
		return err
	}
	var rates []record.Rate
	for _, m := range lock.Methods {
		rates = append(rates, record.Rate{Method: m.Name, From: e.Name, Trials: m.Trials, Edge: m.Edge})
	}
	for _, w := range view.TuningWarnings(record.Sweep{Rates: rates}) {
		fmt.Fprintln(v.stderr, "warning: "+w.Text)
	}
	return nil
}

// searchSize says how many runs a search takes.
func searchSize(t *spec.Tune) string {
	runs := func(rates int) int { return rates * len(t.Methods) * len(t.Seeds) }
	seeds := "one seed"
	if n := len(t.Seeds); n > 1 {
		seeds = fmt.Sprintf("%d seeds", n)
	}
	text := fmt.Sprintf("tune: %d rates for each of %d methods, %s: %d runs", len(t.Grid), len(t.Methods), seeds, runs(len(t.Grid)))
	if t.AtEdge == spec.Extend && t.MaxTrials > len(t.Grid) {
		text += fmt.Sprintf(", up to %d if a best rate lies at the edge of the grid", runs(t.MaxTrials))
	}
	return text
}

// trialExperiment is an experiment whose runs are trials.
func trialExperiment(e *spec.Experiment, runs []spec.Instance) *spec.Experiment {
	return &spec.Experiment{Name: e.Name, Title: "learning rates of " + cmp.Or(e.Title, e.Name), Path: e.Path, Seeds: e.Tune.Seeds, Runs: runs}
}

// round trains what is not finished of the trials so far, and tells the search what
// came of them all. It returns the digests of text and tokenizer.
func (v *env) round(e *spec.Experiment, search *tune.Search, c sweepCmd, stored *record.Sweep, first bool) ([]string, error) {
	x := trialExperiment(e, search.Instances())
	jobs, threads := c.resolve(x)
	p, err := v.plan(x, threads, true, c.executionArg, c.calibrateArg)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if first {
		if err := writePlan(v.stderr, p, jobs); err != nil {
			return nil, err
		}
	}
	if n := p.Count(plan.Refused); n > 0 {
		return nil, exitError{train.ExitUsage, fmt.Sprintf("%d runs do not fit into the memory; nothing was run", n)}
	}
	trials, err := v.storeRuns(p, record.Tune)
	if err != nil {
		return nil, err
	}
	stored.Runs = append(stored.Reported(), trials...)
	if err := v.keepTrials(*stored, c); err != nil {
		return nil, err
	}
	outcomes, err := c.train(v, p, jobs, threads)
	if err != nil {
		return nil, err
	}
	if err := verdict(v, outcomes); err != nil {
		return nil, err
	}
	runs, err := stored.Stored(v.results)
	if err != nil {
		return nil, err
	}
	for _, it := range p.Items {
		run, err := record.Find(runs, it.ID)
		if err != nil {
			return nil, err
		}
		if !run.Finished() {
			return nil, fmt.Errorf("%s has no result: the same command tries it again", it.Instance.Label)
		}
		loss := math.NaN()
		if row := run.Summary.Select; row != nil && run.State() == record.Done {
			loss = float64(row.Loss)
		}
		search.Tell(it.Instance, record.ShortID(it.ID), loss)
	}
	var data, tokenizer []string
	for _, set := range p.Corpora {
		d := train.Digests(set)
		data, tokenizer = append(data, d.Data), append(tokenizer, d.Tokenizer)
	}
	return []string{strings.Join(data, "+"), strings.Join(tokenizer, "+")}, nil
}

// trialSweep is the sweep record of an experiment, to which trials are added: its
// results stay in it.
func (v *env) trialSweep(e *spec.Experiment, c sweepCmd) (record.Sweep, error) {
	s, err := record.ReadSweep(v.results, e.Name)
	if errors.Is(err, record.ErrNoResults) {
		s, err = record.Sweep{Experiment: e.Name, Title: e.Title}, nil
	}
	if err != nil { // not to be replaced by one without its results
		return s, err
	}
	if s.Committed { // its results are committed runs
		s.Committed, s.Reference = false, true
	}
	s.Reference = s.Reference || c.Reference
	return s, e.Declare(&s)
}

// keepTrials writes the sweep record, unless overrides made the trials and the
// results in it were made without.
func (v *env) keepTrials(s record.Sweep, c sweepCmd) error {
	if options := changes(c.Set); len(options) > 0 {
		if len(s.Reported()) > 0 {
			return nil
		}
		s.Overrides = options
	}
	return record.WriteSweep(v.results, s)
}

// writeLock writes a lock file, unless it is there with the same bytes.
func (v *env) writeLock(path string, lock spec.Lock) error {
	text, err := lock.Encode(strings.TrimSuffix(filepath.Base(path), spec.LockSuffix))
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		fmt.Fprintln(v.stderr, path+" is as it was")
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if err := atomicfile.Write(path, text); err != nil {
		return err
	}
	fmt.Fprintf(v.stderr, "wrote %s: commit it with the experiment\n", path)
	return nil
}

// tuningRows are the lines of the table of a search.
func tuningRows(t *spec.Tune, search *tune.Search) []report.TuningRow {
	methods := make(map[string]spec.TunedMethod)
	for _, m := range t.Methods {
		methods[m.Name] = m
	}
	var rows []report.TuningRow
	for _, trial := range search.Trials() {
		row := report.TuningRow{Method: trial.Method, LR: trial.LR, EffectiveLR: methods[trial.Method].EffectiveLR(trial.LR), Loss: trial.Loss(), Diverged: trial.Diverged(), Chosen: trial.Chosen}
		for _, r := range trial.Runs {
			row.IDs = append(row.IDs, r.ID)
		}
		rows = append(rows, row)
	}
	return rows
}

// lockedTrials lists the trials of the experiment's own lock file.
func lockedTrials(e *spec.Experiment) []record.SweepRun {
	if e.Tune == nil || e.Tune.Lock == nil {
		return nil
	}
	var list []record.SweepRun
	seeds := e.Tune.Lock.Seeds
	for _, m := range e.Tune.Lock.Methods {
		for i, lr := range m.Rates {
			effective := math.NaN()
			if len(m.EffectiveRates) > 0 {
				effective = m.EffectiveRates[i]
			}
			for j, seed := range seeds {
				list = append(list, record.SweepRun{
					ID: m.Runs[i*len(seeds)+j], Label: spec.TrialLabel(m.Name, lr), Variant: m.Name, Axes: spec.TrialAxes(lr, effective), Seed: seed,
					Stage: record.Tune, Chosen: lr == m.LR,
				})
			}
		}
	}
	return list
}

// ratesOf says where the learning rates of an experiment come from, for its record.
func ratesOf(e *spec.Experiment) []record.Rate {
	var list []record.Rate
	for _, r := range e.Rates {
		rate := record.Rate{Method: r.Method, LR: record.Float(r.LR), From: r.From, Lock: r.Lock, Trials: r.Trials, Edge: r.Edge, Stale: r.Stale}
		for _, inst := range e.Runs {
			if steps := inst.Run.Train.Steps; r.Steps > 0 && inst.Variant == r.Method && steps != r.Steps && !slices.Contains(rate.Steps, steps) {
				rate.TrialSteps, rate.Steps = r.Steps, append(rate.Steps, steps)
			}
		}
		list = append(list, rate)
	}
	return list
}

// rateNotes says the same to the reader of a plan.
func rateNotes(e *spec.Experiment) []string {
	var notes []string
	for _, r := range e.Rates {
		switch {
		case r.Missing != "":
			notes = append(notes, fmt.Sprintf("the learning rate of %s is not tuned yet, so its runs have no ids: %s", r.Method, r.Missing))
		case r.Lock != "":
			notes = append(notes, fmt.Sprintf("the learning rate of %s, %v, is the best of %d tried for %s (%s)", r.Method, r.LR, r.Trials, r.From, r.Lock))
		}
	}
	for _, w := range view.TuningWarnings(record.Sweep{Rates: ratesOf(e)}) {
		notes = append(notes, w.Text)
	}
	return notes
}

// untuned reports whether a search is due before the experiment's own runs.
func untuned(e *spec.Experiment) bool {
	return e.Tune != nil && slices.ContainsFunc(e.Tune.Methods, func(m spec.TunedMethod) bool {
		_, ok := e.Tune.Lock.Method(m.Name)
		return !ok || e.Tune.Stale(m)
	})
}

// planTune plans the first round of a search, nil if none is due.
func (c planCmd) planTune(v *env, e *spec.Experiment) (*plan.Plan, int, error) {
	if !untuned(e) {
		return nil, 0, nil
	}
	x := trialExperiment(e, tune.New(e.Tune).Instances())
	jobs, threads := c.resolve(x)
	p, err := v.plan(x, threads, !c.NoData, c.executionArg, c.calibrateArg)
	return p, jobs, err
}

// writeTunePlan prints it for people.
func writeTunePlan(w io.Writer, e *spec.Experiment, p *plan.Plan, jobs int) error {
	if p == nil {
		return nil
	}
	fmt.Fprintf(w, "first, ranklab tune %s\n%s\n", strings.TrimPrefix(e.Path, "embedded:"), searchSize(e.Tune))
	if err := writePlan(w, p, jobs); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nthen, ranklab sweep %s\n", strings.TrimPrefix(e.Path, "embedded:"))
	return err
}

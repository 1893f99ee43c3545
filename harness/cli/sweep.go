package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ranklab/harness/fleet"
	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/train"
)

type sweepCmd struct {
	experimentArg `embed:""`
	executionArg  `embed:""`
	calibrateArg  `embed:""`
	FailFast      bool `help:"Stop at the first failed run instead of finishing the others."`
	Identify      bool `help:"Write the host's name and the command line into the records."`
}

func (c sweepCmd) Run(v *env) error {
	e, err := c.load()
	if err != nil {
		return err
	}
	for _, inst := range e.Runs {
		if err := inst.Run.Data.Require(); err != nil {
			return err
		}
	}
	if err := e.RequireRates(); err != nil {
		return exitError{train.ExitUsage, err.Error() + "; nothing was run"}
	}
	jobs, threads := c.resolve(e)
	p, err := v.plan(e, threads, true, c.executionArg, c.calibrateArg)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := writePlan(v.stderr, p, jobs); err != nil {
		return err
	}
	if n := p.Count(plan.Refused); n > 0 {
		return exitError{train.ExitUsage, fmt.Sprintf("%d runs do not fit into the memory; nothing was run", n)}
	}
	sweep, err := v.store(p, c)
	if err != nil {
		return err
	}

	outcomes, err := c.train(v, p, jobs, threads)
	if err != nil {
		return err
	}
	shown := v.show(sweep)
	if err := verdict(v, outcomes); err != nil {
		if shown != nil { // what is missing explains it
			fmt.Fprintf(v.stderr, "note: %v\n", shown)
		}
		return err
	}
	return shown
}

// train executes what is not finished.
func (c sweepCmd) train(v *env, p *plan.Plan, jobs, threads int) ([]fleet.Outcome, error) {
	var queue []fleet.Job
	reused := map[string]bool{}
	for _, it := range p.Items {
		if it.Action == plan.Reuse {
			reused[it.ID] = true
			continue
		}
		text, err := it.Instance.Run.Encode()
		if err != nil {
			return nil, err
		}
		queue = append(queue, fleet.Job{ID: record.ShortID(it.ID), Label: p.Experiment.NameOf(it.Instance), Spec: text, Steps: it.Instance.Run.Train.Steps, Memory: it.Need})
	}
	if len(reused) > 0 {
		fmt.Fprintf(v.stderr, "reused %d finished runs; %d to train\n", len(reused), len(queue))
	}
	if len(queue) == 0 {
		return nil, nil
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	progress := fleet.NewProgress(v.stderr, v.terminal(), 30*time.Second)
	outcomes := fleet.Run(v.ctx, v.kill, queue, fleet.Options{
		Binary: binary, Results: v.results, Cache: v.cache, Folder: filepath.Join(v.results, "sweeps", p.Experiment.Name),
		Jobs: jobs, Threads: threads, Memory: p.Memory, FailFast: c.FailFast, Identify: c.Identify, Progress: progress,
	})
	progress.Wait()
	return outcomes, nil
}

// store writes what reading the results needs: the sweep's declarations, and
// in each run's folder the way in which this experiment reaches it.
func (v *env) store(p *plan.Plan, c sweepCmd) (record.Sweep, error) {
	e := p.Experiment
	sweep := record.Sweep{Experiment: e.Name, Title: e.Title, Question: e.Question, Overrides: changes(c.Set), Reference: c.Reference}
	baselines, err := p.Ngrams(v.ctx)
	if err != nil {
		return sweep, err
	}
	for _, b := range baselines {
		sweep.Baselines = append(sweep.Baselines, record.Baseline{Name: b.Name, Loss: record.Float(b.Loss), PPL: record.Float(b.PPL), BitsPerByte: record.Float(b.BitsPerByte)})
	}
	if len(p.Corpora) == 1 {
		sweep.DataDigest = train.Digests(p.Corpora[0]).Data
	}
	if sweep.Runs, err = v.storeRuns(p, ""); err != nil {
		return sweep, err
	}
	sweep.Runs = append(sweep.Runs, lockedTrials(e)...)
	sweep.Rates = ratesOf(e)
	return sweep, errors.Join(e.Declare(&sweep), record.WriteSweep(v.results, sweep))
}

// storeRuns writes in each run's folder the way in which the experiment reaches it
// and what it is expected to take, and returns the runs for the sweep's record.
func (v *env) storeRuns(p *plan.Plan, stage string) ([]record.SweepRun, error) {
	e := p.Experiment
	var runs []record.SweepRun
	for _, it := range p.Items {
		i := it.Instance
		runs = append(runs, record.SweepRun{ID: it.ID, Label: i.Label, Variant: i.Variant, Axes: i.Axes, Seed: i.Seed, Stage: stage})
		reference := it.Action == plan.Reuse && it.Dir != record.Dir(v.results, it.ID)
		if reference { // read-only
			continue
		}
		origin := record.Origin{
			Experiment: e.Name, Variant: i.Variant, Kind: i.Run.Method.Kind, Label: i.Label, Axes: i.Axes, Seed: i.Seed, Settings: i.Run.Settings(),
		}
		if it.Init != "" {
			origin.Settings["init_digest"] = it.Init
		}
		if err := record.AddOrigin(v.results, it.ID, it.NumbersID, origin); err != nil {
			return nil, err
		}
		if it.Action == plan.Reuse {
			continue
		}
		if err := record.WriteEstimate(v.results, it.ID, it.Record(p.Threads), it.Action == plan.New); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// changes returns the overrides that make an experiment another one: all but
// the places of the user's own data, which are no part of a run's identity.
func changes(overrides []string) []string {
	return slices.DeleteFunc(slices.Clone(overrides), func(o string) bool {
		key, _, _ := strings.Cut(o, "=")
		return key == "data.paths" || key == "data.tokenizer_model"
	})
}

// verdict turns the outcomes into the exit code.
func verdict(v *env, outcomes []fleet.Outcome) error {
	count := map[string]int{}
	for _, o := range outcomes {
		count[o.State]++
		if o.State == "failed" {
			fmt.Fprintf(v.stderr, "failed: %s: %v\n", o.Job.Label, o.Err)
		}
	}
	switch {
	case count["failed"] > 0:
		return exitError{train.ExitFailed, fmt.Sprintf("%d of %d runs failed; the same command tries them again", count["failed"], len(outcomes))}
	case count["stopped"] > 0, v.ctx.Err() != nil && count["skipped"]+count["busy"] > 0:
		return fmt.Errorf("%w (%d finished, %d stopped, %d not started)", train.ErrStopped, count["done"]+count["diverged"], count["stopped"], count["skipped"]+count["busy"])
	case count["diverged"] > 0:
		fmt.Fprintf(v.stderr, "%d runs diverged: a result, kept and marked\n", count["diverged"])
	}
	return nil
}

package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"ranklab/harness/fleet"
	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/harness/verify"
	"ranklab/tensor"
)

type verifyCmd struct {
	What    string `arg:"" name:"run" help:"Id of a run or its first digits, folder of a run, or the name of an experiment: all its runs."`
	Steps   int    `help:"Only the first N updates. Default: as far as the record goes, result included." placeholder:"N"`
	From    int    `help:"Begin at the stored checkpoint after STEP updates instead of at the start." placeholder:"STEP"`
	Threads int    `short:"t" help:"Threads. Default: all processors. The result must not depend on it." placeholder:"N"`
	ISA     string `name:"isa" help:"Instruction set of the kernels: auto, avx512, avx2 or go. The result must not depend on it." default:"auto" env:"RANKLAB_ISA"`
	dataArg `embed:""`
	jsonArg `embed:""`
}

// A dataArg says where what stored runs were made from is on this machine: published
// specs do not tell.
type dataArg struct {
	Paths          []string `name:"data-path" help:"Text that the run was trained on, where the record does not say: a file or folder. Repeatable." type:"path" placeholder:"PATH" sep:"none"`
	TokenizerModel string   `help:"SentencePiece model of the run, where the record does not say." type:"path" placeholder:"FILE"`
	InitFrom       string   `help:"Weights that the run started from, where the record does not say." type:"path" placeholder:"DIR"`
}

// fill replaces the places in a spec by those that were given.
func (d dataArg) fill(s *spec.Run) {
	if len(d.Paths) > 0 {
		s.Data.Paths = d.Paths
	}
	if d.TokenizerModel != "" {
		s.Data.TokenizerModel = d.TokenizerModel
	}
	if d.InitFrom != "" {
		s.Init.From = d.InitFrom
	}
}

func (c verifyCmd) Run(v *env) error {
	if c.Steps < 0 || c.From < 0 {
		return exitError{train.ExitUsage, "--steps and --from take a positive number of updates"}
	}
	if err := checkThreads(c.Threads); err != nil {
		return err
	}
	isa, err := tensor.ParseISA(c.ISA)
	if err != nil {
		return exitError{train.ExitUsage, err.Error()}
	}
	if isa == tensor.Auto {
		isa = tensor.Supported()[0]
	}
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	runs, err := v.runsOf(c.What)
	if err != nil {
		return err
	}
	defer v.exitOnKill()()
	debug.SetGCPercent(train.GCPercent)
	reports := []*verify.Report{}
	different := 0
	for _, run := range runs {
		report, err := c.verify(v, run, isa)
		if err != nil {
			return fmt.Errorf("run %s: %w", record.ShortID(run.ID), err)
		}
		if report.Difference != nil {
			different++
		}
		reports = append(reports, report)
		if !c.JSON {
			fmt.Fprintf(v.stdout, "%s  %s  %s\n", record.ShortID(run.ID), nameOf(run), report)
		}
	}
	if c.JSON {
		enc := json.NewEncoder(v.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(reports); err != nil {
			return err
		}
	}
	if different > 0 {
		return exitError{train.ExitMismatch, fmt.Sprintf("%d of %d runs did not give the recorded bits", different, len(runs))}
	}
	return nil
}

// verify trains one stored run again.
func (c verifyCmd) verify(v *env, run record.Run, isa tensor.ISA) (*verify.Report, error) {
	s, err := spec.LoadRun(record.SpecPath(run.Dir))
	if err != nil {
		return nil, err
	}
	c.fill(&s)
	if err := s.Data.Require(); err != nil {
		return nil, fmt.Errorf("%w\nhere: --data-path and --tokenizer-model", err)
	}
	stage := stageProgress(v.stderr, v.terminal())
	set, err := plan.Corpus(v.ctx, s, v.cache, stage.update)
	stage.end()
	if err != nil {
		return nil, err
	}
	defer set.Close()
	progress := fleet.NewProgress(v.stderr, v.terminal(), 10*time.Second)
	label := nameOf(run)
	progress.Start(label, s.Train.Steps)
	report, err := verify.Run(v.ctx, verify.Options{
		Run: run, Spec: s, Data: set, Scratch: verify.Scratch(v.results, run, isa, c.Threads, c.From),
		Steps: c.Steps, From: c.From, Threads: c.Threads, ISA: isa, Revision: v.revision,
		Messages: func(m train.Message) { progress.Update(label, m) },
	})
	result := "result=failed"
	if err == nil {
		result = "result=compared"
	}
	progress.Finish(label, result)
	progress.Wait()
	return report, err
}

// runsOf finds what a name stands for: the folder of a run, a run by the first
// digits of its id, or the recorded runs of an experiment.
func (v *env) runsOf(name string) ([]record.Run, error) {
	run, noRun := v.run(name)
	if noRun == nil {
		return []record.Run{run}, nil
	}
	sweep, noSweep := v.sweep(name)
	if noSweep != nil {
		return nil, errors.Join(noRun, noSweep)
	}
	stored, err := sweep.Stored(v.results)
	if err != nil {
		return nil, err
	}
	var runs []record.Run
	for _, wanted := range sweep.Runs {
		run, err := record.Find(stored, wanted.ID)
		switch {
		case err != nil || run.State() == record.Planned:
			fmt.Fprintf(v.stderr, "not trained yet: %s\n", cmp.Or(wanted.Label, wanted.Variant))
		case !slices.ContainsFunc(runs, func(r record.Run) bool { return r.ID == run.ID }):
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("no run of %q has been trained yet", sweep.Experiment)
	}
	return runs, nil
}

// run finds a stored run by its folder or by the first digits of its id.
func (v *env) run(name string) (record.Run, error) {
	if info, err := os.Stat(record.SpecPath(name)); err == nil && info.Mode().IsRegular() {
		return record.Read(name)
	}
	runs, err := v.find(name)
	if err != nil {
		return record.Run{}, err
	}
	return runs[0], nil
}

// nameOf returns what people call a stored run.
func nameOf(run record.Run) string {
	if len(run.Origins) == 0 {
		return record.ShortID(run.ID)
	}
	return run.Origins[0].Name()
}

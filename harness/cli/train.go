package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"ranklab/harness/fleet"
	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

type trainCmd struct {
	File     string `arg:"" name:"run" help:"Resolved run (spec.toml of a run folder)." type:"existingfile"`
	Threads  int    `short:"t" help:"Threads. Default: all processors." placeholder:"N"`
	ISA      string `name:"isa" help:"Instruction set of the kernels: auto, avx512, avx2 or go. Results do not depend on it." default:"auto" env:"RANKLAB_ISA"`
	Messages bool   `help:"Print progress as lines of JSON on standard output, for a program that reads it."`
	Identify bool   `help:"Write the host's name and the command line into the record."`
}

func (c trainCmd) Run(v *env) error {
	if err := checkThreads(c.Threads); err != nil {
		return err
	}
	s, err := spec.LoadRun(c.File)
	if err != nil {
		return err
	}
	isa, err := tensor.ParseISA(c.ISA)
	if err != nil {
		return exitError{train.ExitUsage, err.Error()}
	}
	// A second signal does not wait for a checkpoint: the last one stands.
	defer v.exitOnKill()()

	stage := stageProgress(v.stderr, v.terminal() && !c.Messages)
	if err := s.Data.Require(); err != nil {
		return err
	}
	set, err := plan.Corpus(v.ctx, s, v.cache, stage.update)
	stage.end()
	if err != nil {
		return err
	}
	defer set.Close()
	debug.SetGCPercent(train.GCPercent)
	o := train.Options{Spec: s, Results: v.results, Data: set, Threads: c.Threads, ISA: isa, Revision: v.revision, Identify: c.Identify}
	if c.Messages {
		// Whoever reads the messages has started this run. When he is gone, the
		// run stops with a checkpoint as if he had asked for it.
		signal.Ignore(syscall.SIGPIPE)
		ctx, cancel := context.WithCancel(v.ctx)
		defer cancel()
		out := json.NewEncoder(v.stdout)
		o.Messages = func(m train.Message) {
			if out.Encode(m) != nil {
				cancel()
			}
		}
		_, err := train.Run(ctx, o)
		return err
	}
	label := s.Method.Name
	progress := fleet.NewProgress(v.stderr, v.terminal(), 10*time.Second)
	progress.Start(label, s.Train.Steps)
	o.Messages = func(m train.Message) { progress.Update(label, m) }
	summary, err := train.Run(v.ctx, o)
	switch {
	case errors.Is(err, train.ErrStopped):
		progress.Finish(label, "result=stopped")
	case err != nil:
		progress.Finish(label, "result=failed")
	default:
		progress.Finish(label, "result="+summary.State+" id="+record.ShortID(summary.ID))
	}
	progress.Wait()
	return err
}

package cli

import (
	"fmt"
	"os"
	"runtime"

	"github.com/mattn/go-isatty"

	"ranklab/harness/plan"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// An experimentArg names an experiment and overrides values of it.
type experimentArg struct {
	Experiment string   `arg:"" help:"Experiment file, or the name of a shipped one." default:"experiments/quick.toml"`
	Set        []string `short:"S" name:"set" help:"Override a value: -S train.steps=100, -S method.galore.lr=0.02. Repeatable." placeholder:"KEY=VALUE" sep:"none"`
}

func (a experimentArg) load() (*spec.Experiment, error) { return spec.Load(a.Experiment, a.Set) }

// A executionArg says which runs execute, how many at a time, and with how much.
type executionArg struct {
	Jobs    int `short:"j" help:"Runs at the same time. Default: one per processor for small models, else one." placeholder:"N"`
	Threads int `short:"t" help:"Threads per run. Default: processors / jobs. Results do not depend on it." placeholder:"N"`

	Memory    byteSize `help:"Memory that the runs may use together: 8GiB, 500MiB. Default: what this machine has." placeholder:"SIZE"`
	Reference bool     `help:"Reuse the runs that are committed with the project instead of training them again."`
}

// A calibrateArg says where the times of a plan come from.
type calibrateArg struct {
	Recalibrate   bool `help:"Time updates for the estimate anew. Default: those of earlier plans are kept in the cache folder." xor:"calibration"`
	NoCalibration bool `help:"Time nothing: estimate roughly, from the arithmetic." xor:"calibration"`
}

func (c calibrateArg) mode() plan.Calibrating {
	switch {
	case c.Recalibrate:
		return plan.Recalibrate
	case c.NoCalibration:
		return plan.ByArithmetic
	}
	return plan.Calibrate
}

// smallModel is the number of hidden units up to which a run uses one thread
// better than two: matrices this small do not keep several threads busy.
const smallModel = 256

// resolve fills in the defaults for an experiment.
func (b executionArg) resolve(e *spec.Experiment) (jobs, threads int) {
	cores := runtime.GOMAXPROCS(0)
	jobs, threads = b.Jobs, b.Threads
	if jobs <= 0 {
		jobs = 1
		if threads > 0 {
			jobs = max(1, cores/threads)
		} else if allSmall(e) {
			jobs = cores
		}
	}
	jobs = max(1, min(jobs, len(e.Runs)))
	if threads <= 0 {
		threads = max(1, cores/jobs)
	}
	return jobs, threads
}

func allSmall(e *spec.Experiment) bool {
	for _, r := range e.Runs {
		if r.Run.Model.HiddenSize > smallModel {
			return false
		}
	}
	return true
}

// plan prepares the corpus if asked to, and plans the experiment.
func (v *env) plan(e *spec.Experiment, threads int, prepare bool, b executionArg, c calibrateArg) (*plan.Plan, error) {
	if err := checkThreads(threads); err != nil {
		return nil, err
	}
	// The runs take their instruction set from here too.
	isa := tensor.Auto
	if name := os.Getenv("RANKLAB_ISA"); name != "" {
		var err error
		if isa, err = tensor.ParseISA(name); err != nil {
			return nil, exitError{train.ExitUsage, err.Error()}
		}
	}
	stage := stageProgress(v.stderr, v.terminal())
	p, err := plan.Make(v.ctx, e, plan.Options{
		Results: v.results, Cache: v.cache, Threads: threads, ISA: isa, Reference: b.Reference, Memory: b.memory(),
		Calibrate: c.mode(), Progress: stage.update, Prepare: prepare,
	})
	stage.end()
	if err == nil {
		p.Notes = append(p.Notes, rateNotes(e)...)
	}
	return p, err
}

// terminal reports whether progress goes to a terminal.
func (v *env) terminal() bool {
	f, ok := v.stderr.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// duration prints seconds for people.
func duration(seconds float64) string {
	switch s := int(seconds + 0.5); {
	case s < 100:
		return fmt.Sprintf("%d s", s)
	case s < 100*60:
		return fmt.Sprintf("%d min", (s+30)/60)
	case s < 100*3600:
		return fmt.Sprintf("%.1f h", seconds/3600)
	default:
		return fmt.Sprintf("%.1f days", seconds/86400)
	}
}

// size prints bytes for people.
func size(bytes int64) string {
	switch b := float64(bytes); {
	case b < 1<<20:
		return fmt.Sprintf("%.0f KiB", b/(1<<10))
	case b < 1<<30:
		return fmt.Sprintf("%.1f MiB", b/(1<<20))
	default:
		return fmt.Sprintf("%.2f GiB", b/(1<<30))
	}
}

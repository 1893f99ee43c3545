package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"ranklab/harness/bench"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

type benchCmd struct {
	Sections []string `arg:"" optional:"" name:"section" help:"What to measure: machine, gemm, ops, step, refresh, memory, parallel. Default: all."`

	Preset  []string `help:"Models to measure: presets, or quick (9m with a vocabulary of 2048). Default: 130m,quick." placeholder:"NAME,…"`
	Tokens  int      `help:"Rows of activations, and tokens per step." default:"2048" placeholder:"N"`
	Length  int      `help:"Tokens per sequence. Default: 256; quick: 128." placeholder:"N"`
	Rank    int      `help:"Rank of the low-rank methods. Default: the paper's, or a quarter of hidden_size." placeholder:"N"`
	Set     []string `short:"S" name:"set" help:"Override a value of the runs: -S train.layerwise=true, -S method.galore.rank=64. Repeatable." placeholder:"KEY=VALUE" sep:"none"`
	Threads int      `short:"t" help:"Threads of every contestant. Default: all processors." placeholder:"N"`
	ISA     string   `name:"isa" help:"Instruction set of the kernels: auto, avx512, avx2 or go." default:"auto" env:"RANKLAB_ISA"`
	Compare []string `help:"Libraries whose products are compared, where this machine has them: gonum, openblas, onednn, or none." default:"gonum,openblas,onednn" env:"RANKLAB_BENCH_COMPARE" placeholder:"NAME,…"`
	Seconds float64  `help:"Seconds for one figure, about; what takes much longer gets two runs." default:"0.5" placeholder:"S"`
	Runs    int      `help:"Runs of one figure, at most." default:"5" placeholder:"N"`
	Quick   bool     `help:"A first look: quick's model unless others are named, few and short runs, and a bandwidth that may be that of a cache."`
	JSON    bool     `name:"json" help:"Print JSON for a program to read."`
}

// options turns the flags into what bench understands.
func (c benchCmd) options(v *env) (bench.Options, error) {
	isa, err := tensor.ParseISA(c.ISA)
	if err != nil {
		return bench.Options{}, err
	}
	o := bench.Options{
		Sections: c.Sections, Presets: c.Preset, Threads: c.Threads, ISA: isa, Tokens: c.Tokens, Length: c.Length, Rank: c.Rank, Set: c.Set,
		Runs: c.Runs, PerFigure: time.Duration(c.Seconds * float64(time.Second)), Compare: c.Compare, Revision: v.revision,
	}
	if slices.Equal(c.Compare, []string{"none"}) {
		o.Compare = nil
	}
	if len(o.Presets) == 0 {
		o.Presets = []string{"130m", bench.Quick}
		if c.Quick {
			o.Presets = o.Presets[1:]
		}
	}
	if c.Quick {
		o.Runs, o.PerFigure, o.Small = min(o.Runs, 3), min(o.PerFigure, 50*time.Millisecond), true
	}
	if c.Tokens <= 0 || c.Runs <= 0 || !(c.Seconds > 0) || c.Seconds > 3600 {
		return o, errors.New("--tokens, --runs and --seconds must be positive, and --seconds at most 3600")
	}
	if c.Threads < 0 || c.Length < 0 || c.Rank < 0 {
		return o, errors.New("--threads, --length and --rank must not be negative")
	}
	return o, o.Check()
}

func (c benchCmd) Run(v *env) error {
	if err := checkThreads(c.Threads); err != nil {
		return err
	}
	o, err := c.options(v)
	var problems *spec.Problems
	switch {
	case errors.As(err, &problems):
		return err
	case err != nil:
		return exitError{train.ExitUsage, err.Error()}
	}
	if o.Binary, err = os.Executable(); err != nil {
		return err
	}
	end := v.follow(&o)
	report, err := bench.Run(v.ctx, o)
	end()
	if report == nil {
		return err
	}
	write := writeBench
	if c.JSON {
		write = writeBenchJSON
	}
	if werr := write(v.stdout, report); werr != nil {
		return errors.Join(err, werr)
	}
	if v.ctx.Err() != nil {
		return exitError{train.ExitInterrupted, "stopped: the report above ends early"}
	}
	return err
}

// follow shows what is being measured: a line that is rewritten on a terminal,
// a line now and then elsewhere.
func (v *env) follow(o *bench.Options) (end func()) {
	var shown time.Time
	o.Progress = func(what string) {
		switch {
		case v.terminal():
			fmt.Fprintf(v.stderr, "\r\x1b[K%s", what)
		case time.Since(shown) > 2*time.Second:
			fmt.Fprintf(v.stderr, "state=measuring what=%q\n", what)
			shown = time.Now()
		}
	}
	return func() {
		if v.terminal() {
			fmt.Fprint(v.stderr, "\r\x1b[K")
		}
	}
}

type benchChildCmd struct{}

func (benchChildCmd) Run(v *env) error { return bench.Child(os.Stdin, v.stdout) }

type benchResidentCmd struct{}

func (benchResidentCmd) Run(v *env) error {
	debug.SetGCPercent(train.GCPercent)
	return bench.Resident(os.Stdin, v.stdout)
}

// Package cli holds the commands.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
)

// commands is the command line. Every command is a struct whose Run method
// does the work.
type commands struct {
	Sweep    sweepCmd    `cmd:"" help:"Train every run of an experiment, then print its tables and draw its figures. Finished runs are reused."`
	Tune     tuneCmd     `cmd:"" help:"Find the learning rate of each method with an equal number of trials, as [tune] says, and write them to the lock file beside the experiment. Finished trials are reused."`
	Plan     planCmd     `cmd:"" help:"Show what a sweep would do: every run with its state, memory and time. Builds the corpus if the cache lacks it; trains nothing."`
	Train    trainCmd    `cmd:"" help:"Train one resolved run in this process (what a sweep starts for each run)."`
	Status   statusCmd   `cmd:"" help:"List the runs of an experiment, or all stored runs, with their state."`
	Show     showCmd     `cmd:"" help:"Show one run: settings, results, memory, where it came from."`
	Compare  compareCmd  `cmd:"" help:"Put runs side by side: what differs in their settings, and in their results."`
	Table    tableCmd    `cmd:"" help:"Print the tables of an experiment from stored results."`
	Figures  figuresCmd  `cmd:"" help:"Draw the figures of an experiment from stored results."`
	Claims   claimsCmd   `cmd:"" help:"Judge the claims of an experiment by its stored results: PASS, FAIL or INCONCLUSIVE. Exit code 4: a claim fails."`
	Contract contractCmd `cmd:"" help:"Check that the runs of an experiment share what its contract names: initial weights, order of the data, evaluation set. Exit code 4: they do not, or nobody can say."`
	Memory   memoryCmd   `cmd:"" help:"Show the memory of models and methods by formula and prediction, beside the paper's numbers. Trains and allocates nothing."`
	Verify   verifyCmd   `cmd:"" help:"Train stored runs again and compare every recorded loss, the digests of weights and states, and the result. Exit code 4: something differs."`
	New      newCmd      `cmd:"" help:"Write a new experiment file, a commented copy of an existing one."`
	Data     dataCmd     `cmd:"" help:"Build the corpus and tokenizer of an experiment, and describe them."`
	Bench    benchCmd    `cmd:"" help:"Measure this machine and how much of it training uses: products, operations, steps, refreshes."`
	Doctor   doctorCmd   `cmd:"" help:"Examine this machine: what it offers to training, whether files and locks do what runs rely on, and whether it computes the right numbers."`
	GC       gcCmd       `cmd:"" name:"gc" help:"Remove what is safe to remove: what killed processes left behind, superseded and damaged checkpoints, logs of finished runs."`
	Export   exportCmd   `cmd:"" help:"Write runs for other programs: --to hf, the weights, for Hugging Face transformers; --to tensorboard or csv, the records of a run or of an experiment."`
	Bundle   bundleCmd   `cmd:"" help:"Train the first updates of a run and write all that another framework needs to repeat them: weights, batches, random matrices, bases, and what they must come to."`
	Publish  publishCmd  `cmd:"" help:"Copy the finished runs of an experiment, its tables and figures to RESULTS/reference, to be committed."`

	Diff    diffCmd    `cmd:"" help:"Say in what two runs, or two experiments, differ: settings, data, program and machine, results, memory."`
	Explain explainCmd `cmd:"" help:"Say why a run would or would not be trained again: its identity, the nearest stored run, and where each differing value comes from."`
	Report  reportCmd  `cmd:"" help:"Write the report of an experiment from stored results: one HTML page with figures, tables, claims, memory, settings, provenance and every run."`

	BenchChild    benchChildCmd    `cmd:"" hidden:"" help:"What bench starts to measure runs side by side."`
	BenchResident benchResidentCmd `cmd:"" hidden:"" help:"What bench starts to measure the memory of a run."`

	Results string `help:"Folder that results are written to and read from. Default: results." default:"results" type:"path" placeholder:"DIR"`
	Cache   string `help:"Folder that corpora and tokenizers are kept in. Default: the user's cache folder." type:"path" placeholder:"DIR" env:"RANKLAB_CACHE"`
}

// An env is what commands work with.
type env struct {
	ctx      context.Context // ends at the first Ctrl-C or SIGTERM: see signals
	kill     context.Context // ends at the second
	stdout   io.Writer       // data
	stderr   io.Writer       // progress and messages
	results  string
	cache    string
	revision string
}

// An exitError carries an exit code, and no message if its text is empty.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

// Main runs the command line and returns its exit code.
func Main(stdout, stderr io.Writer, args []string, revision string) int {
	ctx, kill, stop := signals()
	defer stop()
	err := Run(ctx, kill, stdout, stderr, args, revision)
	var exit exitError
	var problems *spec.Problems
	var locked *record.LockedError
	switch {
	case err == nil:
		return train.ExitOK
	case errors.As(err, &exit):
		if exit.text != "" {
			fmt.Fprintln(stderr, "ranklab: "+exit.text)
		}
		return exit.code
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems.Error())
		return train.ExitUsage
	case errors.Is(err, train.ErrStopped):
		fmt.Fprintln(stderr, "ranklab: "+err.Error())
		return stopCode(ctx)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "ranklab: stopped; the same command carries on")
		return stopCode(ctx)
	case errors.As(err, &locked):
		fmt.Fprintln(stderr, "ranklab: "+err.Error())
		return train.ExitBusy
	}
	fmt.Fprintln(stderr, "ranklab: "+err.Error())
	return train.ExitFailed
}

// Run runs the command line inside this process.
func Run(ctx, kill context.Context, stdout, stderr io.Writer, args []string, revision string) error {
	var c commands
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("ranklab"),
		kong.Description("How much memory can a low-rank method save in pre-training, and what does it cost in perplexity?\n\nStart with: ranklab sweep experiments/quick.toml"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.UsageOnError(),
	)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return nil // help was printed
	}
	if err != nil {
		return exitError{train.ExitUsage, err.Error() + "\nTry: ranklab --help"}
	}
	if c.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("no cache folder (%w): name one with --cache", err)
		}
		c.Cache = filepath.Join(dir, "ranklab")
	}
	return parsed.Run(&env{ctx: ctx, kill: kill, stdout: stdout, stderr: stderr, results: c.Results, cache: c.Cache, revision: revision})
}

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"ranklab/corpus"
	"ranklab/harness/export"
	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

type exportCmd struct {
	ID      string `arg:"" name:"run" help:"Id of a run or its first digits, or folder of a run; for tensorboard and csv also an experiment: all its runs."`
	To      string `required:"" enum:"hf,tensorboard,csv" help:"Format: ${enum}. hf: the weights, a folder that Hugging Face transformers loads, factors merged. tensorboard: what was recorded along the runs, as event files. csv: four tables of runs, metrics, memory and subspaces." placeholder:"FORMAT"`
	Output  string `short:"o" help:"Folder to write to. Default: RESULTS/export/ID, for tensorboard and csv RESULTS/export/NAME-FORMAT." type:"path" placeholder:"DIR"`
	Force   bool   `help:"Write into a folder that holds other files; they stay, unless they have the name of one that is written."`
	jsonArg `embed:""`

	Step        int    `help:"hf: export the checkpoint of this step. Default: the newest." default:"-1" placeholder:"N"`
	Dtype       string `help:"hf: how weights are written: float32, or rounded to bfloat16." enum:"float32,bfloat16" default:"float32"`
	WithEval    bool   `help:"hf: add the validation tokens and the loss of the exported weights on them, for checks in another program."`
	NoTokenizer bool   `help:"hf: do not open the corpus: no tokenizer is exported."`
	Threads     int    `short:"t" help:"hf: threads. Default: all processors." placeholder:"N"`
}

func (c exportCmd) Run(v *env) error {
	if c.To != export.HF {
		return c.records(v)
	}
	if c.WithEval && c.NoTokenizer {
		return exitError{train.ExitUsage, "--with-eval needs the corpus, which --no-tokenizer does not open"}
	}
	if err := checkThreads(c.Threads); err != nil {
		return err
	}
	stored, err := v.run(c.ID)
	if err != nil {
		return err
	}
	run := v.own(stored)
	s, err := spec.LoadRun(record.SpecPath(run.Dir))
	if err != nil {
		return err
	}
	device := tensor.NewDevice(tensor.Options{Threads: c.Threads})
	defer device.Close()
	dir := c.Output
	if dir == "" {
		dir = filepath.Join(v.results, "export", record.ShortID(run.ID))
	}
	m, err := export.HuggingFace(dir, export.Options{
		Run: run, Spec: s, Ckpt: train.CheckpointDir(run.Dir), Step: c.Step, Device: device,
		Corpus:   func() (*corpus.Set, error) { return c.corpus(v, run, s) },
		BFloat16: c.Dtype == spec.BFloat16, Eval: c.WithEval, Force: c.Force, Revision: v.revision,
	})
	if errors.Is(err, train.ErrNoCheckpoint) {
		return noCheckpoint(run)
	}
	if err != nil {
		return err
	}
	return c.report(v, dir, m)
}

// own returns the copy of a committed run that was trained here, if there is
// one: committed runs have no checkpoints.
func (v *env) own(run record.Run) record.Run {
	if !run.Reference {
		return run
	}
	own, err := record.Read(record.Dir(v.results, run.ID))
	if err != nil {
		return run
	}
	own.ID, own.NumbersID = run.ID, run.NumbersID // it may be too young to know them
	return own
}

func noCheckpoint(run record.Run) error {
	why := fmt.Sprintf("is %s and has no checkpoint", run.State())
	if run.Reference {
		why = "is committed without checkpoints"
	}
	return fmt.Errorf("run %s %s: train it, which gives the same bits, then export it:\n  ranklab train %s", record.ShortID(run.ID), why, filepath.Join(run.Dir, "spec.toml"))
}

// corpus opens the corpus of a run and makes sure that it is the one that the
// run was trained on.
func (c exportCmd) corpus(v *env, run record.Run, s spec.Run) (*corpus.Set, error) {
	if c.NoTokenizer {
		return nil, errors.New("it was not asked for")
	}
	var problems *spec.Problems
	if err := s.Data.Require(); errors.As(err, &problems) {
		return nil, errors.New(problems.List[0].Message)
	} else if err != nil {
		return nil, err
	}
	stage := stageProgress(v.stderr, v.terminal())
	set, err := plan.Corpus(v.ctx, s, v.cache, stage.update)
	stage.end()
	if err != nil {
		return nil, err
	}
	if p, d := run.Provenance, train.Digests(set); p != nil && (d.Data != p.CorpusDigest || d.Tokenizer != p.TokenizerDigest) {
		set.Close()
		return nil, fmt.Errorf("the text or the tokenizer is not the run's any more: its digests were %.12s and %.12s, they are %.12s and %.12s", p.CorpusDigest, p.TokenizerDigest, d.Data, d.Tokenizer)
	}
	return set, nil
}

// report says what was written: JSON for a program, else the folder on standard
// output and what there is to know on standard error.
func (c exportCmd) report(v *env, dir string, m *export.Manifest) error {
	if c.JSON {
		enc := json.NewEncoder(v.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			Folder string `json:"folder"`
			*export.Manifest
		}{dir, m})
	}
	for _, note := range m.Notes {
		fmt.Fprintln(v.stderr, "note: "+note)
	}
	if x := m.Validation; x != nil && x.Exported != nil {
		fmt.Fprintf(v.stderr, "validation loss %.6f of the exported weights", float64(*x.Exported))
		if x.Recorded != nil {
			fmt.Fprintf(v.stderr, ", %.6f in the record", float64(*x.Recorded))
		}
		fmt.Fprintln(v.stderr)
	}
	fmt.Fprintf(v.stderr, "exported %s at step %d of %d\n", m.Method, m.Step, m.Steps)
	_, err := fmt.Fprintln(v.stdout, dir)
	return err
}

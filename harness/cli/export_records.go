package cli

import (
	"fmt"
	"path/filepath"
	"slices"

	"ranklab/harness/export"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
)

// records exports what was recorded of a run, or of all runs of an experiment.
func (c exportCmd) records(v *env) error {
	if c.Step >= 0 || c.Dtype != spec.Float32 || c.WithEval || c.NoTokenizer || c.Threads != 0 {
		return exitError{train.ExitUsage, "--step, --dtype, --with-eval, --no-tokenizer and --threads are for --to hf"}
	}
	name, experiment, runs, err := v.exported(c.ID)
	if err != nil {
		return err
	}
	dir := c.Output
	if dir == "" {
		dir = filepath.Join(v.results, "export", name+"-"+c.To)
	}
	write := export.Tables
	if c.To == export.TB {
		write = export.TensorBoard
	}
	m, err := write(dir, experiment, runs, c.Force)
	if err != nil {
		return err
	}
	if c.JSON {
		return encode(v.stdout, struct {
			Folder string `json:"folder"`
			*export.RecordManifest
		}{dir, m})
	}
	for _, note := range m.Notes {
		fmt.Fprintln(v.stderr, "note: "+note)
	}
	fmt.Fprintf(v.stderr, "exported %d runs\n", len(m.Runs))
	if c.To == export.TB {
		fmt.Fprintf(v.stderr, "look at it with: tensorboard --logdir %s\n", dir)
	}
	_, err = fmt.Fprintln(v.stdout, dir)
	return err
}

// exported finds the runs that a name stands for, under the names that they have
// there.
func (v *env) exported(what string) (name, experiment string, runs []export.Exported, err error) {
	if r, err := v.run(what); err == nil {
		x := export.Exported{Run: r, Name: nameOf(r)}
		if len(r.Origins) > 0 {
			o := r.Origins[0]
			experiment, x.Method, x.Seed = o.Experiment, o.Variant, o.Seed
		}
		return record.ShortID(r.ID), experiment, []export.Exported{x}, nil
	}
	stored, err := v.runsOf(what)
	if err != nil {
		return "", "", nil, err
	}
	sweep, err := v.sweep(what)
	if err != nil {
		return "", "", nil, err
	}
	for _, r := range stored {
		i := slices.IndexFunc(sweep.Runs, func(s record.SweepRun) bool { return record.ShortID(s.ID) == record.ShortID(r.ID) })
		s := sweep.Runs[i] // runsOf found it there
		x := export.Exported{Run: r, Name: s.Label, Method: s.Variant, Seed: s.Seed}
		if x.Name == "" {
			x.Name = s.Variant
		}
		runs = append(runs, x)
	}
	return sweep.Experiment, sweep.Experiment, runs, nil
}

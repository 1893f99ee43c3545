package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"ranklab/harness/bundle"
	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/machine"
	"ranklab/tensor"
)

type bundleCmd struct {
	Name      string `arg:"" name:"run" help:"Id of a stored run or its first digits, folder of a run, or the path of a resolved run (spec.toml)."`
	Output    string `short:"o" required:"" help:"Folder to write, which must not exist or be empty." type:"path" placeholder:"DIR"`
	Steps     int    `help:"Updates to bundle. Default: so many that the method's refreshes, merges and resets are among them, if that is a small number." placeholder:"N"`
	Gradients bool   `help:"Write the full gradient at each refresh too."`
	Force     bool   `help:"Write a bundle of more than 1 GiB."`
	Threads   int    `short:"t" help:"Threads. Default: all processors." placeholder:"N"`
	ISA       string `name:"isa" help:"Instruction set of the kernels: auto, avx512, avx2 or go. Results do not depend on it." default:"auto" env:"RANKLAB_ISA"`
	jsonArg   `embed:""`
}

// largeBundle is the size above which a bundle wants to be asked for twice.
const largeBundle = 1 << 30

func (c bundleCmd) Run(v *env) error {
	if err := checkThreads(c.Threads); err != nil {
		return err
	}
	isa, err := tensor.ParseISA(c.ISA)
	if err != nil {
		return exitError{train.ExitUsage, err.Error()}
	}
	s, stored, err := v.toReplay(c.Name)
	if err != nil {
		return err
	}
	if c.Steps < 0 || c.Steps > s.Train.Steps {
		return exitError{train.ExitUsage, fmt.Sprintf("--steps %d: the run has 1 to %d updates", c.Steps, s.Train.Steps)}
	}
	if c.Steps == 0 {
		wanted := 0
		if c.Steps, wanted = bundle.DefaultSteps(s); c.Steps < wanted {
			fmt.Fprintf(v.stderr, "bundling %d updates; --steps %d would show the method's later refreshes or merges too\n", c.Steps, wanted)
		}
	}
	if err := bundle.Vacant(c.Output); err != nil {
		return exitError{train.ExitUsage, err.Error()}
	}
	if err := c.checkSize(v, s); err != nil {
		return err
	}
	if err := s.Data.Require(); err != nil {
		return err
	}
	stage := stageProgress(v.stderr, v.terminal())
	set, err := plan.Corpus(v.ctx, s, v.cache, stage.update)
	stage.end()
	if err != nil {
		return err
	}
	defer set.Close()
	o := bundle.Options{
		Spec: s, Data: set, Dir: c.Output, Steps: c.Steps, Gradients: c.Gradients, Threads: c.Threads, ISA: isa, Revision: v.revision,
	}
	if v.terminal() {
		o.Progress = func(done, total int) { stage.update("updates", int64(done), int64(total)) }
	}
	if stored != nil {
		digests, err := train.Identify(s, set)
		if err != nil {
			return err
		}
		if o.Losses, err = recordedLosses(*stored, s, digests); err != nil {
			return err
		}
	}
	debug.SetGCPercent(train.GCPercent)
	m, err := bundle.Write(v.ctx, o)
	stage.end()
	if err != nil {
		return err
	}
	return c.report(v, m)
}

// toReplay returns a run by the path of its spec, or by its id: then also what
// is stored of it.
func (v *env) toReplay(name string) (spec.Run, *record.Run, error) {
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		s, err := spec.LoadRun(name)
		return s, nil, err
	}
	run, err := v.run(name)
	if err != nil {
		return spec.Run{}, nil, fmt.Errorf("%w; nor is there a file %s", err, name)
	}
	s, err := spec.LoadRun(record.SpecPath(run.Dir))
	return s, &run, err
}

// recordedLosses returns the training losses of a stored run by updates applied. The
// corpus must be the one that it read, and the program one of the same numbers.
func recordedLosses(run record.Run, s spec.Run, d spec.Digests) (map[int]float64, error) {
	if id := s.NumbersID(d); run.NumbersID != "" && run.NumbersID != id {
		return nil, fmt.Errorf("run %s cannot be repeated: it has the numbers of %s, this program and this corpus would make %s (another numerics version, text or tokenizer)",
			record.ShortID(run.ID), record.ShortID(run.NumbersID), record.ShortID(id))
	}
	metrics, err := run.Metrics()
	if err != nil {
		return nil, err
	}
	all := make(map[int]float64)
	for _, row := range metrics.Train {
		if row.Loss.Finite() {
			all[row.Step] = float64(row.Loss)
		}
	}
	return all, nil
}

// checkSize refuses what is large without having been asked for, and what does
// not fit.
func (c bundleCmd) checkSize(v *env, s spec.Run) error {
	z, err := bundle.Estimate(s, c.Steps, c.Gradients)
	if err != nil {
		return err
	}
	if z.Total() > largeBundle && !c.Force {
		return exitError{train.ExitUsage, fmt.Sprintf("a bundle of %d updates takes about %s (%s): choose fewer with --steps, or confirm with --force", c.Steps, size(z.Total()), largestFiles(z))}
	}
	if d, err := machine.DiskFor(c.Output); err == nil && d.Total > 0 && z.Disk() > d.Free {
		return fmt.Errorf("the bundle takes up to %s while it is written, and there is %s left for %s", size(z.Disk()), size(d.Free), c.Output)
	}
	fmt.Fprintf(v.stderr, "bundle of %d updates: about %s\n", c.Steps, size(z.Total()))
	return nil
}

// largestFiles names the largest files of a bundle.
func largestFiles(z bundle.Size) string {
	names := slices.SortedFunc(maps.Keys(z), func(a, b string) int { return int(min(1, max(-1, z[b]-z[a]))) })
	text := ""
	for i, name := range names[:3] {
		if i > 0 {
			text += ", "
		}
		text += name + " " + size(z[name])
	}
	return text
}

// report says what was written.
func (c bundleCmd) report(v *env, m *bundle.Manifest) error {
	if c.JSON {
		e := json.NewEncoder(v.stdout)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"dir": c.Output, "run": m.Run, "updates": m.Updates, "replayable": m.Replayable, "limits": m.Limits, "files": m.Files})
	}
	w := tabwriter.NewWriter(v.stdout, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		f := m.Files[name]
		tensors := ""
		if f.Tensors > 0 {
			tensors = fmt.Sprintf("%d tensors", f.Tensors)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", filepath.Join(c.Output, name), size(f.Bytes), tensors)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, text := range m.Limits {
		fmt.Fprintln(v.stderr, "note: "+text)
	}
	return nil
}

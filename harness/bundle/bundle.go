// Package bundle writes replay bundles: the first updates of a run with
// everything that another framework needs to repeat them, and what they must
// come to. docs/bundle.md is the format; interop/replay_torch.py replays any
// bundle in PyTorch.
package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// Options say what to bundle, and where.
type Options struct {
	Spec      spec.Run
	Data      *corpus.Set
	Dir       string // must not exist, or be empty
	Steps     int    // updates, at most those of the run
	Gradients bool   // the full gradient at each refresh too
	Threads   int    // 0: all processors
	ISA       tensor.ISA
	Revision  string // of the program, when known from the build

	// Losses are those that a record has, by updates applied: one that differs
	// is an error.
	Losses   map[int]float64
	Progress func(done, total int) // may be nil

	digests spec.Digests // of what the run is made from; set by Write
}

// Write trains the first updates of a run in this process and writes them as a
// bundle. The folder appears when it is complete; on an error, or when ctx ends,
// nothing is left.
func Write(ctx context.Context, o Options) (*Manifest, error) {
	if o.Steps < 1 || o.Steps > o.Spec.Train.Steps {
		return nil, fmt.Errorf("%d updates: the run has 1 to %d", o.Steps, o.Spec.Train.Steps)
	}
	var err error
	if o.digests, err = train.Identify(o.Spec, o.Data); err != nil {
		return nil, err
	}
	f, err := newFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	manifest, err := o.write(ctx, f)
	if err != nil {
		return nil, errors.Join(err, f.discard())
	}
	return manifest, nil
}

func (o Options) write(ctx context.Context, f *folder) (*Manifest, error) {
	device := tensor.NewDevice(tensor.Options{Threads: o.Threads, ISA: o.ISA})
	defer device.Close()
	names := []string{BatchesFile, RandomFile, ProjectorsFile}
	if o.Gradients {
		names = append(names, GradientsFile)
	}
	collected, err := f.spools(names)
	if err != nil {
		return nil, err
	}
	defer collected.close()
	r := &recorder{spec: o.Spec, device: device, spools: collected, gradients: o.Gradients}
	replay, err := train.NewReplay(o.Spec, o.Data, device, r)
	if err != nil {
		return nil, err
	}
	r.start(replay)
	if err := f.tensors(InitFile, shaped(replay.Weights())); err != nil {
		return nil, err
	}
	m := o.manifest(replay)
	if err := o.train(ctx, f, r, m); err != nil {
		return nil, err
	}
	if err := f.tensors(FinalFile, shaped(replay.Weights())); err != nil {
		return nil, err
	}
	if err := f.tensors(StateFile, shaped(replay.State())); err != nil {
		return nil, err
	}
	for _, name := range names {
		ts, err := collected[name].Tensors()
		if err != nil {
			return nil, err
		}
		if err := f.tensors(name, ts); err != nil {
			return nil, err
		}
	}
	if err := collected.close(); err != nil {
		return nil, err
	}
	return m, o.seal(f, m)
}

// seal writes what says what the bundle is, and gives the folder its name.
func (o Options) seal(f *folder, m *Manifest) error {
	text, err := withoutPaths(o.Spec).Encode()
	if err != nil {
		return err
	}
	if err := f.write(SpecFile, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	if m.Settings, err = settings(text); err != nil {
		return err
	}
	m.Files = f.files
	err = f.write(ManifestFile, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		return e.Encode(m)
	})
	if err != nil {
		return err
	}
	delete(f.files, ManifestFile) // it cannot hold its own digest
	return f.commit()
}

// train applies the updates and keeps what they read, drew and gave.
func (o Options) train(ctx context.Context, f *folder, r *recorder, m *Manifest) error {
	trace, err := f.create(TraceFile)
	if err != nil {
		return err
	}
	rows := json.NewEncoder(trace)
	clock := newClock(o.Spec)
	for n := range o.Steps {
		if err := ctx.Err(); err != nil {
			return trace.finish(err)
		}
		if o.Progress != nil {
			o.Progress(n, o.Steps)
		}
		clear(r.trained)
		r.refreshed = 0
		err := r.masks(n)
		var p train.Passed
		if err == nil {
			p, err = r.replay.Next()
		}
		if err == nil {
			err = errors.Join(r.step(n, p.Events), o.check(p), addBatch(r.spools[BatchesFile], o.Spec.Train, p))
		}
		if err == nil {
			err = rows.Encode(Row{n, p.Loss(), p.LossSum, p.Count, p.GradNorm, p.LR})
		}
		if err != nil {
			return trace.finish(err)
		}
		m.add(o.Spec, r, p, clock)
	}
	if o.Progress != nil {
		o.Progress(o.Steps, o.Steps)
	}
	return trace.finish(nil)
}

// check refuses numbers that are not finite and those that a record contradicts.
func (o Options) check(p train.Passed) error {
	loss := p.Loss()
	if math.IsNaN(loss) || math.IsInf(loss, 0) || math.IsNaN(p.GradNorm) || math.IsInf(p.GradNorm, 0) {
		advice := ""
		if p.Update > 0 {
			advice = fmt.Sprintf(": --steps %d ends before", p.Update)
		}
		return fmt.Errorf("the run leaves the numbers in update %d (loss %v, gradient norm %v)%s", p.Update, loss, p.GradNorm, advice)
	}
	if want, ok := o.Losses[p.Update+1]; ok && want != loss {
		return fmt.Errorf("update %d: the loss is %v, but the record of the run has %v: this program does not repeat it", p.Update, loss, want)
	}
	return nil
}

// addBatch keeps what an update read: (micro-batches, batch_size, max_length).
func addBatch(s *safetensors.Spool, t spec.Train, p train.Passed) error {
	shape := []int{t.TotalBatchSize / t.BatchSize, t.BatchSize, t.MaxLength}
	mask := make([]byte, len(p.Targets))
	for i, target := range p.Targets {
		if target != corpus.NoTarget {
			mask[i] = 1
		}
	}
	n := update(p.Update)
	return errors.Join(
		s.Add(safetensors.OfInts("inputs/"+n, p.Tokens, shape...)),
		s.Add(safetensors.OfInts("targets/"+n, p.Targets, shape...)),
		s.Add(safetensors.OfBytes("mask/"+n, mask, shape...)),
	)
}

// Vacant reports whether a bundle may be written to dir.
func Vacant(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	return vacant(dir)
}

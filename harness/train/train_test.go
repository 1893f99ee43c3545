package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/golden"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/tensor"
)

// tiny returns a corpus and the run that the tests vary.
func tiny(t testing.TB) (*corpus.Set, spec.Run) {
	t.Helper()
	set, s, err := golden.Prepare(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.Train.DigestEvery = 3
	return set, s
}

// tinyUneven is [tiny] for the protocols.
func tinyUneven(t testing.TB) (*corpus.Set, spec.Run) {
	t.Helper()
	set, s, err := golden.PrepareUneven(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.Train.DigestEvery = 3
	return set, s
}

// variants are the methods under test by name; each changes the tiny run.
func variants() map[string]func(*spec.Run) { return golden.Variants() }

type result struct {
	summary *record.Summary
	metrics []byte
	digests []byte
	memory  *record.Memory
	run     record.Run
}

// rows returns what the run recorded.
func (r result) rows(t *testing.T) record.Metrics {
	t.Helper()
	m, err := r.run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func train(t *testing.T, ctx context.Context, o Options) (result, error) {
	t.Helper()
	summary, err := Run(ctx, o)
	if err != nil {
		return result{}, err
	}
	dir := record.Dir(o.Results, summary.ID)
	metrics, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	digests, err := os.ReadFile(filepath.Join(dir, "digests.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	run, err := record.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return result{summary, metrics, digests, run.Memory, run}, nil
}

func mustTrain(t *testing.T, o Options) result {
	t.Helper()
	r, err := train(t, t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stopAt trains a run until it has made so many updates, and stops it.
func stopAt(t *testing.T, o Options, step int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	o.Messages = func(m Message) {
		if m.Phase == "train" && m.Step >= step {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
}

func (r result) mustEqual(t *testing.T, what string, other result) {
	t.Helper()
	if r.summary.StateDigest != other.summary.StateDigest {
		t.Errorf("%s: weights and states differ", what)
	}
	if !bytes.Equal(r.metrics, other.metrics) {
		t.Errorf("%s: metrics differ:\n%s\n%s", what, r.metrics, other.metrics)
	}
	if !bytes.Equal(r.digests, other.digests) {
		t.Errorf("%s: digests differ:\n%s\n%s", what, r.digests, other.digests)
	}
}

// TestSameBits trains every method and protocol with one thread and with three,
// with both sinks where both can be, and interrupted twice; all end with the same
// bits.
func TestSameBits(t *testing.T) {
	set, base := tiny(t)
	uneven, other := tinyUneven(t)
	all := golden.Protocols()
	maps.Copy(all, variants())
	for name, change := range all {
		t.Run(name, func(t *testing.T) {
			set, s := set, base
			if _, ok := golden.Protocols()[name]; ok {
				set, s = uneven, other
			}
			change(&s)
			s.Method.Name = name
			o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
			want := mustTrain(t, o)
			if first, last := want.summary.Best.Loss, want.summary.Final.Loss; !first.Finite() || last > record.Float(math.Log(512)) {
				t.Errorf("nothing was learnt: final loss %v", last)
			}
			if !maps.Equal(want.memory.Predicted, want.memory.Registered) {
				t.Errorf("predicted %v, registered %v", want.memory.Predicted, want.memory.Registered)
			}

			threads := o
			threads.Results, threads.Threads = t.TempDir(), 3
			mustTrain(t, threads).mustEqual(t, "3 threads", want)

			// The pure-Go kernels emulate a fused multiply-add, so one method is enough.
			for _, isa := range tensor.Supported() {
				if isa == tensor.Go && name != "galore" {
					continue
				}
				kernels := o
				kernels.Results, kernels.ISA = t.TempDir(), isa
				mustTrain(t, kernels).mustEqual(t, isa.String(), want)
			}

			if s.Train.BatchSize == s.Train.TotalBatchSize && s.Train.GradClipping == 0 {
				layerwise := o
				layerwise.Results = t.TempDir()
				layerwise.Spec.Train.Layerwise = true
				mustTrain(t, layerwise).mustEqual(t, "layer-wise", want)
			}

			stopped := o
			stopped.Results = t.TempDir()
			for _, at := range []int{3, 7} {
				ctx, cancel := context.WithCancel(t.Context())
				stopped.Messages = func(m Message) {
					if m.Phase == "train" && m.Step >= at {
						cancel()
					}
				}
				if _, err := train(t, ctx, stopped); !errors.Is(err, ErrStopped) {
					t.Fatalf("interrupted at %d: %v", at, err)
				}
			}
			stopped.Messages = nil
			mustTrain(t, stopped).mustEqual(t, "interrupted", want)
		})
	}
}

// TestProjectors: a range finder trains as well as exact singular vectors do.
func TestProjectors(t *testing.T) {
	set, s := tiny(t)
	variants()["galore"](&s)
	loss := func(projector string) float64 {
		s.Method.Projector = projector
		return float64(mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()}).summary.Final.Loss)
	}
	if exact, approximate := loss("svd"), loss("range_finder"); math.Abs(exact-approximate) > 2e-3*exact {
		t.Errorf("final loss %v with exact bases, %v with a range finder", exact, approximate)
	} else {
		t.Logf("final loss %v with exact bases, %v with a range finder", exact, approximate)
	}
}

// TestAccumulation: the loss of an update is weighted by tokens, so the split
// into micro-batches changes rounding only; clipping sees the whole gradient.
func TestAccumulation(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	s.Train.GradClipping = 0.5
	whole := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()})
	s.Train.BatchSize = 1
	parts := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()})
	a, b := float64(whole.summary.Final.Loss), float64(parts.summary.Final.Loss)
	if math.Abs(a-b) > 1e-4*a {
		t.Errorf("final loss %v with whole batches, %v with micro-batches of one", a, b)
	}
	if whole.summary.TokensSeen != parts.summary.TokensSeen {
		t.Errorf("tokens seen: %d and %d", whole.summary.TokensSeen, parts.summary.TokensSeen)
	}
}

// TestEvaluators: ppl is exp of the token-weighted mean loss, whatever the
// batch; the estimator of GaLore#77 is below it and depends on the batch.
func TestEvaluators(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	one := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()}).summary.Final
	s.Eval.BatchSize = 1
	other := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()}).summary.Final
	if one.Loss != other.Loss || one.PPL != other.PPL || one.BitsPerByte != other.BitsPerByte {
		t.Errorf("the evaluation depends on its batch size: %v, %v", one, other)
	}
	if math.Abs(float64(one.PPL)-math.Exp(float64(one.Loss))) > 1e-9 {
		t.Errorf("ppl %v is not exp(%v)", one.PPL, one.Loss)
	}
	if !(one.PPLGalore77 < one.PPL && other.PPLGalore77 < other.PPL) || one.PPLGalore77 == other.PPLGalore77 {
		t.Errorf("ppl_galore77 %v and %v beside ppl %v", one.PPLGalore77, other.PPLGalore77, one.PPL)
	}
}

// TestDivergence: a run whose loss leaves the numbers is a result.
func TestDivergence(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	s.Method.Kind, s.Method.Optimizer, s.Method.Betas, s.Method.LR = "sgd", "sgd", nil, 1e30
	r := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()})
	if r.summary.State != record.Diverged || r.summary.Reason == "" || r.summary.Steps >= s.Train.Steps {
		t.Errorf("summary %+v", r.summary)
	}
	if !bytes.Contains(r.metrics, []byte(`"diverged"`)) {
		t.Errorf("no event in %s", r.metrics)
	}
}

// TestReuse: a finished run is not trained again.
func TestReuse(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	o := Options{Spec: s, Data: set, Results: t.TempDir()}
	want := mustTrain(t, o)
	steps := 0
	o.Messages = func(m Message) {
		if m.Phase == "train" {
			steps++
		}
	}
	mustTrain(t, o).mustEqual(t, "reused", want)
	if steps > 0 {
		t.Errorf("trained %d steps again", steps)
	}
}

// TestDurations: every part of a run's time is measured, over all its starts, and
// the checkpoint that stays is as large as its tensors and little more.
func TestDurations(t *testing.T) {
	set, s := tiny(t)
	variants()["galore"](&s)
	s.Train.CheckpointEvery = 4
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
	stopAt(t, o, 7)
	_, first, err := findCheckpoint(filepath.Join(record.Dir(o.Results, s.RunID(Digests(set))), "ckpt"), func(position) error { return nil }, func(string) {})
	if err != nil || !(first.SetupS > 0 && first.CheckpointS > 0) { // of the checkpoint after 4 updates
		t.Fatalf("%+v, %v", first, err)
	}
	o.Messages = nil
	r := mustTrain(t, o)
	d := r.summary.Time
	if !(d.TrainS > d.RefreshS && d.RefreshS > 0 && d.EvalS > 0 && float64(d.CheckpointS) > first.CheckpointS && float64(d.SetupS) > first.SetupS) {
		t.Errorf("%+v; before the stop set-up %v s, checkpoints %v s", d, first.SetupS, first.CheckpointS)
	}
	if sum := d.TrainS + d.EvalS + d.CheckpointS + d.SetupS; d.Total() != sum {
		t.Errorf("total %v, want %v: refreshes are part of training", d.Total(), sum)
	}
	tensors := int64(0)
	for _, c := range []memory.Category{memory.Weights, memory.OptimizerState, memory.Projectors} {
		tensors += r.memory.Registered[c]
	}
	if got := r.summary.CheckpointBytes; got < tensors || got > tensors+32<<10 {
		t.Errorf("checkpoint of %d bytes, tensors of %d", got, tensors)
	}
}

// TestCutOff: a run that is to stop does not wait for an evaluation. It is made,
// with the digests that follow it, when the run carries on, and no bit differs.
func TestCutOff(t *testing.T) {
	set, s := tiny(t)
	variants()["relora"](&s)
	s.Train.LogEvery, s.Train.DigestEvery, s.Eval.Every, s.Eval.SelectTokens = 1, 4, 4, 64
	want := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	for _, at := range []int{4, 5, s.Train.Steps} {
		o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
		ctx, cancel := context.WithCancel(t.Context())
		o.Messages = func(m Message) {
			if m.Phase == "train" && m.Step == at {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, ErrStopped) {
			t.Fatalf("stopped at update %d: %v", at, err)
		}
		dir := record.Dir(o.Results, s.RunID(Digests(set)))
		run, err := record.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := run.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(rows.Eval); n != (at-1)/4 || len(rows.Select) > 0 || LatestStep(CheckpointDir(dir)) != at {
			t.Errorf("stopped at update %d: %d evaluations, %d to choose by; checkpoint of update %d", at, n, len(rows.Select), LatestStep(CheckpointDir(dir)))
		}
		o.Messages = nil
		mustTrain(t, o).mustEqual(t, fmt.Sprintf("stopped at update %d", at), want)
	}

	// Stopped twice without an update in between: what was evaluated stays.
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
	for _, phase := range []string{"train", "eval", "start"} {
		ctx, cancel := context.WithCancel(t.Context())
		evaluated := 0
		o.Messages = func(m Message) {
			if m.Phase == "eval" && m.Step == s.Train.Steps {
				evaluated++
			}
			if m.Phase == phase && m.Step == s.Train.Steps {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, ErrStopped) {
			t.Fatalf("stopped at the last %q: %v", phase, err)
		}
		if again := phase == "eval"; again != (evaluated == 1) {
			t.Errorf("stopped at the last %q: %d evaluations there", phase, evaluated)
		}
	}
	o.Messages = func(m Message) {
		if m.Phase == "eval" {
			t.Error("the last evaluation was made twice")
		}
	}
	mustTrain(t, o).mustEqual(t, "stopped three times at the end", want)
}

// TestCheckpoints: as many checkpoints lie on disk as is said beforehand.
func TestCheckpoints(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	s.Train.LogEvery = 1
	for _, c := range []struct{ every, keep int }{{0, 0}, {0, 2}, {s.Train.Steps - 1, 0}, {2, 0}, {2, 3}} {
		s.Train.CheckpointEvery, s.Train.KeepCheckpoints = c.every, c.keep
		o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
		dir := CheckpointDir(record.Dir(o.Results, s.RunID(Digests(set))))
		count := func() int {
			names, err := checkpoints(dir)
			if err != nil {
				t.Fatal(err)
			}
			return len(names)
		}
		most := 0 // when the next one is being written
		o.Messages = func(m Message) {
			if m.Phase == "train" {
				most = max(most, count()+1)
			}
		}
		mustTrain(t, o)
		if training, done := Checkpoints(s.Train); training != most || done != count() {
			t.Errorf("every %d of %d updates, %d kept: said to be %d and %d, are %d and %d", c.every, s.Train.Steps, c.keep, training, done, most, count())
		}
	}
}

// TestCadence: a run that is carried on with another cadence of rows and another
// number of threads keeps the cadence, and does not claim one number of threads.
func TestCadence(t *testing.T) {
	set, s := tiny(t)
	variants()["lora"](&s)
	want := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
	stopAt(t, o, 4)
	o.Messages, o.Threads = nil, 2
	o.Spec.Train.LogEvery, o.Spec.Train.DigestEvery = s.Train.LogEvery+1, 0
	got := mustTrain(t, o)
	got.mustEqual(t, "another cadence", want)
	if want.summary.Threads != 1 || got.summary.Threads != 0 {
		t.Errorf("threads %d and %d, want 1, and 0 for a mix", want.summary.Threads, got.summary.Threads)
	}
	kept, err := spec.LoadRun(record.SpecPath(got.run.Dir))
	if err != nil || kept.Train.LogEvery != s.Train.LogEvery || kept.Train.DigestEvery != s.Train.DigestEvery {
		t.Errorf("%v: the spec says log_every %d, digest_every %d", err, kept.Train.LogEvery, kept.Train.DigestEvery)
	}
}

// TestDamagedCheckpoint: a flipped bit is found, and the checkpoint before is
// used.
func TestDamagedCheckpoint(t *testing.T) {
	set, s := tiny(t)
	variants()["galore"](&s)
	s.Train.CheckpointEvery = 2
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
	want := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	stopAt(t, o, 7)
	dir := filepath.Join(record.Dir(o.Results, s.RunID(Digests(set))), "ckpt")
	names, err := checkpoints(dir)
	if err != nil || len(names) != kept {
		t.Fatalf("checkpoints %v, %v", names, err)
	}
	file := filepath.Join(dir, names[0], stateFile)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	var warned []string
	path, _, err := findCheckpoint(dir, func(position) error { return nil }, func(m string) { warned = append(warned, m) })
	if err != nil || filepath.Base(path) != names[1] || len(warned) != 1 {
		t.Fatalf("found %s, %v, warnings %v", path, err, warned)
	}
	o.Messages = nil
	mustTrain(t, o).mustEqual(t, "after the damage", want)
}

// TestAllCheckpointsDamaged: the run starts again, and the checkpoint of its
// next stop is there although it is of an earlier step.
func TestAllCheckpointsDamaged(t *testing.T) {
	set, s := tiny(t)
	variants()["lora"](&s)
	s.Train.CheckpointEvery = 4
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
	want := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	stopAt(t, o, 9)
	dir := filepath.Join(record.Dir(o.Results, s.RunID(Digests(set))), "ckpt")
	names, err := checkpoints(dir)
	if err != nil || len(names) != kept {
		t.Fatalf("checkpoints %v, %v", names, err)
	}
	for _, name := range names {
		if err := os.Truncate(filepath.Join(dir, name, modelFile), 100); err != nil {
			t.Fatal(err)
		}
	}
	stopAt(t, o, 3)
	if step := LatestStep(dir); step != 3 {
		t.Errorf("the newest checkpoint is of step %d", step)
	}
	mustTrain(t, o).mustEqual(t, "after the damage", want)
}

// TestUpdateFLOPs: a full-rank warm start and what follows it are counted apart.
func TestUpdateFLOPs(t *testing.T) {
	_, s := tiny(t)
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	variants()["relora"](&s)
	s.Train.Scheduler, s.Train.WarmupSteps = "constant", 0
	predict := func(warm int) *Prediction {
		s.Method.FullRankSteps = warm
		p, err := Predict(s, d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	plain, warm := predict(0), predict(4)
	if plain.StepFLOPs == warm.StepFLOPs {
		t.Fatal("an update of adapters is as much arithmetic as one at full rank")
	}
	for _, n := range []int{0, 3, 4, 9} {
		if got, want := warm.UpdateFLOPs(n), float64(min(n, 4))*warm.StepFLOPs+float64(max(n-4, 0))*plain.StepFLOPs; got != want {
			t.Errorf("%d updates: %g FLOP, want %g", n, got, want)
		}
	}
}

// TestPredict: the closed formulas of the optimizer state, through the whole
// assembly.
func TestPredict(t *testing.T) {
	_, s := tiny(t)
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	variants()["adamw"](&s)
	p, err := Predict(s, d)
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(s.Model.NumParams()); p.Parameters != n || p.Trainable != n || p.Ledger.ByCategory()["optimizer_state"] != 8*n {
		t.Errorf("parameters %d, trainable %d, state %d of %d", p.Parameters, p.Trainable, p.Ledger.ByCategory()["optimizer_state"], n)
	}
}

package train

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/failpoint"
	"ranklab/internal/machine"
	"ranklab/internal/memory"
	"ranklab/tensor"
)

// Options say which run to execute, and where.
type Options struct {
	Spec     spec.Run
	Results  string        // results folder
	Data     *corpus.Set   // the prepared corpus of the run
	Threads  int           // 0: all processors
	ISA      tensor.ISA    // instruction set of the kernels; changes no bit
	Revision string        // of the program, when known from the build
	Identify bool          // write the host's name and the command line into the record
	Messages func(Message) // progress; may be nil
	// Until, if positive, ends the attempt after so many updates of the run with
	// [ErrUntil], and without a checkpoint.
	Until int
}

// ErrUntil says that the run has reached [Options.Until].
var ErrUntil = errors.New("reached the update at which it was to end")

// ErrStopped says that the run was asked to stop and left a checkpoint.
var ErrStopped = errors.New("stopped with a checkpoint; the same command carries on")

// heartbeat is the least time between two writes of status.json.
const heartbeat = 5 * time.Second

// kept is how many checkpoints a run keeps while it trains, at least.
const kept = 2

// whileTraining is how many checkpoints a run keeps while it trains.
func whileTraining(t spec.Train) int { return max(kept, 1+t.KeepCheckpoints) }

// Digests returns the identity of a prepared corpus: all the digests of a run
// that draws its weights. Those of any run are [Identify]'s.
func Digests(set *corpus.Set) spec.Digests {
	return spec.Digests{Data: set.Manifest.Digest, Tokenizer: set.Manifest.Tokenizer.Digest}
}

// Run executes a run to its end, resuming from its newest checkpoint, and
// returns its summary. A run that is already finished is not repeated. When
// ctx ends, Run writes a checkpoint after the current update and returns
// [ErrStopped]; an evaluation is cut off and made when the run carries on.
// Divergence is a result, not an error.
func Run(ctx context.Context, o Options) (*record.Summary, error) {
	s := o.Spec
	digests, err := Identify(s, o.Data)
	if err != nil {
		return nil, err
	}
	id := s.RunID(digests)
	if summary := o.finished(id); summary != nil {
		return summary, nil
	}
	w, err := record.Open(o.Results, id)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if summary := o.finished(id); summary != nil { // by the process that held the lock
		return summary, nil
	}
	t := &training{
		Options: o, id: id, digests: digests, writer: w, last: notEvaluated, best: notEvaluated,
		log: slog.New(slog.NewTextHandler(w.Log(), nil)),
	}
	summary, err := t.run(ctx)
	if err != nil {
		state := record.Failed
		if errors.Is(err, ErrStopped) || errors.Is(err, ErrUntil) {
			state = record.Interrupted
		}
		t.log.Error(err.Error())
		return nil, errors.Join(err, w.Status(record.Status{State: state, Step: t.at.Step, Total: s.Train.Steps, Reason: err.Error()}))
	}
	return summary, nil
}

// finished returns the summary of the run if it has one.
func (o Options) finished(id string) *record.Summary {
	run, err := record.Read(record.Dir(o.Results, id))
	if err != nil || !run.Finished() {
		return nil
	}
	o.send(Message{Phase: run.Summary.State, Step: run.Summary.Steps, Steps: o.Spec.Train.Steps, Detail: run.Summary.Reason})
	return run.Summary
}

// notEvaluated stands for the evaluation of a run that has had none.
var notEvaluated = record.EvalRow{
	Loss: record.Float(math.NaN()), PPL: record.Float(math.NaN()), BitsPerByte: record.Float(math.NaN()), PPLGalore77: record.Float(math.NaN()),
}

// training is one attempt at a run.
type training struct {
	Options
	*runner
	id      string
	digests spec.Digests
	writer  *record.Writer
	log     *slog.Logger
	order   corpus.Order
	eval    *corpus.Eval
	choice  *corpus.Eval // the selection set; nil: none
	at      position
	last    record.EvalRow // the newest evaluation
	best    record.EvalRow
	chosen  *record.EvalRow // the evaluation on the selection set
	loss    float64         // of the newest update, or row of an earlier attempt, per target
	due     bool            // what follows the newest update is to be done: see assess
	beat    time.Time       // of the newest status.json
	meter   *meter
	waited  float64       // thread-seconds, in earlier attempts, less what this process had waited before it began
	books   record.Memory // of the largest phase so far

	prediction *Prediction
}

func (t *training) run(ctx context.Context) (*record.Summary, error) {
	device := tensor.NewDevice(tensor.Options{Threads: t.Threads, ISA: t.ISA})
	defer device.Close()
	began, waited := time.Now(), machine.Waited()
	if err := t.setUp(device); err != nil {
		return nil, err
	}
	t.at.SetupS += time.Since(began).Seconds()
	t.waited = t.at.WaitedS - waited
	s := t.Spec.Train
	t.send(Message{Phase: "start", Step: t.at.Step, Steps: s.Steps})
	reason, err := t.assess(ctx) // what an earlier attempt has cut off
	for reason == "" && err == nil && t.at.Step < s.Steps {
		if t.Until > 0 && t.at.Step >= t.Until {
			return nil, ErrUntil
		}
		if ctx.Err() != nil {
			return nil, t.stop()
		}
		reason, err = t.step(ctx)
		if reason == "" && err == nil && s.CheckpointEvery > 0 && t.at.Step%s.CheckpointEvery == 0 && t.at.Step < s.Steps {
			err = t.checkpoint(whileTraining(s))
		}
	}
	switch {
	case errors.Is(err, errCutOff):
		return nil, t.stop()
	case err != nil:
		return nil, err
	case reason != "":
		return t.finish(record.Diverged, reason)
	}
	if err := t.checkpoint(1 + s.KeepCheckpoints); err != nil {
		return nil, err
	}
	return t.finish(record.Done, "")
}

// stop writes a checkpoint from which the same command carries on, and returns
// ErrStopped.
func (t *training) stop() error {
	s := t.Spec.Train
	if err := t.checkpoint(whileTraining(s)); err != nil {
		return err
	}
	t.send(Message{Phase: "stopped", Step: t.at.Step, Steps: s.Steps})
	return ErrStopped
}

// setUp assembles the run where its newest checkpoint left it, and writes what
// is known before the first update.
func (t *training) setUp(device *tensor.Device) error {
	s := t.Spec
	ckpt, at, err := findCheckpoint(t.checkpoints(), func(at position) error { return at.In(t.writer.Dir()) }, func(msg string) { t.log.Warn(msg) })
	if err != nil {
		return err
	}
	if err := at.of(s.Train); err != nil {
		return fmt.Errorf("checkpoint %s: %w", ckpt, err)
	}
	if at.LogEvery > 0 && (at.LogEvery != s.Train.LogEvery || at.DigestEvery != s.Train.DigestEvery) {
		t.log.Warn("the rows of a run have one cadence: log_every and digest_every stay what they were", "log_every", at.LogEvery, "digest_every", at.DigestEvery)
		t.Spec.Train.LogEvery, t.Spec.Train.DigestEvery = at.LogEvery, at.DigestEvery
		s = t.Spec
	}
	at.LogEvery, at.DigestEvery = s.Train.LogEvery, s.Train.DigestEvery
	if ckpt != "" && at.Threads != device.Threads() {
		at.Threads = -1
	} else {
		at.Threads = device.Threads()
	}
	if t.prediction, err = Predict(s, device); err != nil {
		return err
	}
	before, err := record.Read(t.writer.Dir())
	if err != nil {
		return err
	}
	t.meter = newMeter(before.Measured(), at.Step)
	if before.Memory != nil && at.Step > 0 {
		t.books = *before.Memory
	}
	if ckpt == "" {
		t.runner, err = assembleFresh(s, device, memory.New())
	} else {
		t.runner, err = assemble(s, device, memory.New(), at.Step)
	}
	if err != nil {
		return err
	}
	if ckpt != "" {
		if err := t.load(ckpt); err != nil {
			return fmt.Errorf("checkpoint %s: %w: move this folder away, and the run carries on from the one before it, or from its start", ckpt, err)
		}
		t.log.Info("resumed", "checkpoint", ckpt, "step", at.Step)
	}
	t.meter.sample(at.Step, "set-up")
	t.at = at
	if err := t.writer.TruncateTo(at.Mark); err != nil {
		return err
	}
	failpoint.Here("rows cut back")
	if err := t.recall(); err != nil {
		return err
	}

	if t.order, err = TrainingOrder(s, t.Data.Train); err != nil {
		return err
	}
	t.eval = EvalSet(s, t.Data)
	if t.eval.Targets == 0 {
		return ErrNoEvaluation
	}
	if t.choice, err = SelectSet(s, t.Data); err != nil {
		return err
	}
	t.due = t.evaluationDue() || t.choiceDue()

	evidence, err := t.evidence()
	if err != nil {
		return err
	}
	text, err := s.Encode()
	if err != nil {
		return err
	}
	provenance := record.Collect(t.Revision, t.Identify)
	provenance.CorpusDigest, provenance.TokenizerDigest, provenance.InitDigest = t.digests.Data, t.digests.Tokenizer, t.digests.Init
	provenance.NumericsVersion, provenance.FromStep = spec.NumericsVersion, at.Step
	return errors.Join(
		t.writer.Spec(text),
		t.writer.Provenance(provenance),
		t.writer.Evidence(evidence),
		t.writeMemory(),
		t.status(record.Running, true),
	)
}

// writeMemory writes the ledger of the largest phase of the run so far, as the
// prediction has it, and what has been measured.
func (t *training) writeMemory() error {
	if total(t.books.Registered) < t.ledger.Total() {
		t.books = record.Memory{
			Registered: t.ledger.ByCategory(), Entries: t.ledger.Entries(),
			SteadyBytes: t.ledger.During(memory.Always), RefreshBytes: t.ledger.During(memory.Refresh), CheckpointBytes: t.ledger.During(memory.Checkpoint),
		}
	}
	t.books.Predicted, t.books.Measured = t.prediction.Ledger.ByCategory(), &t.meter.measured
	t.books.ExactBF16, t.books.Paper = columns(t.Spec)
	return t.writer.Memory(t.books)
}

func total(bytes map[memory.Category]int64) (sum int64) {
	for _, n := range bytes {
		sum += n
	}
	return sum
}

// recall reads what an earlier attempt has recorded: the newest loss, and the newest
// and the best evaluation.
func (t *training) recall() error {
	run, err := record.Read(t.writer.Dir())
	if err != nil {
		return err
	}
	metrics, err := run.Metrics()
	if err != nil {
		return err
	}
	if n := len(metrics.Train); n > 0 {
		t.loss = float64(metrics.Train[n-1].Loss)
	}
	for _, row := range metrics.Eval {
		t.keep(row)
	}
	for _, row := range metrics.Select {
		t.chosen = &row
	}
	return nil
}

func (t *training) keep(row record.EvalRow) {
	t.last = row
	if !t.best.Loss.Finite() || row.Loss < t.best.Loss {
		t.best = row
	}
}

// step applies one update, and does what follows it. reason is not empty when the
// run has diverged.
func (t *training) step(ctx context.Context) (reason string, err error) {
	s := t.Spec.Train
	began := time.Now()
	u := t.at.Step
	targets := t.fill(t.Data.Train, t.order, u)
	lossSum, norm, err := t.update(u, targets)
	if err != nil {
		return "", fmt.Errorf("update %d: %w", u, err)
	}
	t.loss = lossSum / float64(max(targets, 1))
	t.at.Step++
	t.at.TokensSeen += int64(targets)
	t.at.Positions += int64(s.TotalBatchSize * s.MaxLength)
	spent := time.Since(began).Seconds()
	seen, looked := t.subspaces()
	t.at.TrainS, t.at.DiagnosticsS = t.at.TrainS+spent-looked, t.at.DiagnosticsS+looked
	if err := errors.Join(t.events(), t.writer.Subspace(seen)); err != nil {
		return "", err
	}
	if reason := t.fault(t.loss, norm, targets); reason != "" {
		return t.diverged(reason)
	}
	if t.at.Step%s.LogEvery == 0 || t.at.Step == s.Steps {
		t.meter.sample(t.at.Step, "update")
		err := t.writer.Train(record.TrainRow{
			Step: t.at.Step, TokensSeen: t.at.TokensSeen, Positions: t.at.Positions,
			Loss: record.Float(t.loss), LR: record.Float(t.Spec.Method.LR * t.rate(u)), GradNorm: record.Float(norm),
		})
		if err := errors.Join(err, t.tell()); err != nil {
			return "", err
		}
	}
	t.due = true
	return t.assess(ctx)
}

// evaluationDue reports whether the newest update is to be followed by an
// evaluation that there is not yet.
func (t *training) evaluationDue() bool {
	return (t.at.Step%t.Spec.Eval.Every == 0 || t.at.Step == t.Spec.Train.Steps) && t.last.Step != t.at.Step
}

// choiceDue reports whether the end of the run is to be followed by an evaluation
// on the selection set that there is not yet.
func (t *training) choiceDue() bool {
	return t.choice != nil && t.at.Step == t.Spec.Train.Steps && t.chosen == nil
}

// assess does what is due after the newest update: evaluations, and a row of
// digests. What ctx cuts off, with errCutOff, is due when the run carries on.
func (t *training) assess(ctx context.Context) (reason string, err error) {
	if !t.due {
		return "", nil
	}
	if t.evaluationDue() {
		began := time.Now()
		row, err := t.evaluate(ctx, t.eval)
		t.at.EvalS += time.Since(began).Seconds()
		if err != nil {
			return "", err
		}
		row.Step, row.TokensSeen, row.Positions = t.at.Step, t.at.TokensSeen, t.at.Positions
		t.meter.sample(t.at.Step, "evaluation")
		t.keep(row)
		if err := t.writer.Eval(row); err != nil {
			return "", err
		}
		if !row.Loss.Finite() {
			return t.diverged(fmt.Sprintf("validation loss is %v at step %d", float64(row.Loss), t.at.Step))
		}
		t.send(t.message("eval", t.loss))
	}
	if t.choiceDue() {
		if reason, err := t.evaluateChoice(ctx); reason != "" || err != nil {
			return reason, err
		}
	}
	t.due = false
	if every := t.Spec.Train.DigestEvery; every > 0 && (t.at.Step%every == 0 || t.at.Step == t.Spec.Train.Steps) {
		return "", t.writeDigests()
	}
	return "", nil
}

// writeDigests writes a row of digests.
func (t *training) writeDigests() error {
	began := time.Now()
	defer func() { t.at.CheckpointS += time.Since(began).Seconds() }()
	row, err := t.digestRow(t.at.Step)
	if err != nil {
		return err
	}
	failpoint.Here("digests computed")
	return t.writer.Digest(row)
}

// diverged records that the run has left the numbers.
func (t *training) diverged(reason string) (string, error) {
	t.meter.sample(t.at.Step, "update")
	return reason, t.writer.Event(record.EventRow{Step: t.at.Step, Name: "diverged", Detail: map[string]any{"reason": reason}})
}

// tell reports progress to whoever follows the run.
func (t *training) tell() error {
	m := t.message("train", t.loss)
	t.send(m)
	return errors.Join(
		t.writer.Timing(record.TimingRow{
			Step: m.Step, ElapsedS: record.Float(t.at.TrainS + t.at.EvalS), TokensPerSecond: record.Float(m.TokensPerSecond),
			RSSBytes: m.RSSBytes, PeakBytes: m.PeakBytes,
		}),
		t.status(record.Running, false),
	)
}

func (t *training) message(phase string, loss float64) Message {
	now, peak := resident()
	return Message{
		Phase: phase, Step: t.at.Step, Steps: t.Spec.Train.Steps, Loss: finite(loss), PPL: finite(float64(t.last.PPL)),
		TokensPerSecond: t.tokensPerSecond(), RSSBytes: now, PeakBytes: peak,
	}
}

func (t *training) tokensPerSecond() float64 {
	if t.at.TrainS == 0 {
		return 0
	}
	return float64(t.at.TokensSeen) / t.at.TrainS
}

// status writes status.json, unless it is fresh and not forced.
func (t *training) status(state string, force bool) error {
	if !force && time.Since(t.beat) < heartbeat {
		return nil
	}
	t.beat = time.Now()
	return t.writer.Status(record.Status{State: state, Step: t.at.Step, Total: t.Spec.Train.Steps})
}

func (t *training) checkpoints() string { return CheckpointDir(t.writer.Dir()) }

func (t *training) checkpoint(keep int) error {
	began := time.Now()
	defer func() { t.at.CheckpointS += time.Since(began).Seconds() }()
	var err error
	if t.at.Mark, err = t.writer.Mark(); err != nil {
		return err
	}
	t.wait()
	if err := t.saveCheckpoint(t.checkpoints(), t.at, keep); err != nil {
		return fmt.Errorf("checkpoint at step %d: %w", t.at.Step, err)
	}
	t.meter.sample(t.at.Step, "checkpoint")
	return t.writeMemory()
}

// wait notes how long the run has waited for processors so far.
func (t *training) wait() { t.at.WaitedS = max(0, t.waited+machine.Waited()) }

// finish writes the summary: its existence means that the run is done.
func (t *training) finish(state, reason string) (*record.Summary, error) {
	began := time.Now()
	digest, err := t.stateDigest()
	if err != nil {
		return nil, err
	}
	t.at.CheckpointS += time.Since(began).Seconds()
	t.wait()
	if err := t.writeMemory(); err != nil {
		return nil, err
	}
	summary := record.Summary{
		ID: t.id, NumbersID: t.Spec.NumbersID(t.digests), State: state, Reason: reason,
		Steps: t.at.Step, TokensSeen: t.at.TokensSeen, Positions: t.at.Positions,
		Epochs: record.Float(float64(t.at.Step*t.Spec.Train.TotalBatchSize) / float64(t.order.N)),
		Final:  t.last, Best: t.best, Select: t.chosen, StateDigest: digest,
		Time: record.Durations{
			TrainS: record.Float(t.at.TrainS), EvalS: record.Float(t.at.EvalS), RefreshS: record.Float(t.at.RefreshS),
			CheckpointS: record.Float(t.at.CheckpointS), SetupS: record.Float(t.at.SetupS),
			DiagnosticsS: record.Float(t.at.DiagnosticsS), WaitedS: record.Float(t.at.WaitedS),
		},
		TokensPerSecond: record.Float(t.tokensPerSecond()), Threads: max(t.at.Threads, 0),
		FLOPs:     record.Float(t.prediction.UpdateFLOPs(t.at.Step)),
		PeakBytes: t.meter.measured.PeakBytes, PeakMeasure: t.meter.measured.Measure, CheckpointBytes: checkpointBytes(t.checkpoints()),
		Memory: t.books.Registered,
	}
	failpoint.Here("summary due")
	if err := t.writer.Summary(summary); err != nil {
		return nil, err
	}
	failpoint.Here("summary written")
	phase := "done"
	if state == record.Diverged {
		phase = "diverged"
	}
	m := t.message(phase, float64(t.last.Loss))
	m.Detail = reason
	t.send(m)
	return &summary, t.status(state, true)
}

// finite replaces what JSON cannot hold by 0, which messages leave out.
func finite(v float64) float64 {
	if !record.Float(v).Finite() {
		return 0
	}
	return v
}

func (o Options) send(m Message) {
	if o.Messages != nil {
		o.Messages(m)
	}
}

// Package plan says what a sweep would do before it does anything: which runs
// are new, resumable or done, and what each costs in memory, arithmetic, time
// and disk.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	system "ranklab/internal/machine"
	"ranklab/internal/memory"
	"ranklab/tensor"
)

// What a sweep does with a run.
const (
	New     = "new"     // train from the start
	Resume  = "resume"  // carry on from a checkpoint
	Reuse   = "reuse"   // finished: nothing to do
	Running = "running" // another process is at it
	Refused = "refused" // it does not fit into memory
	Unknown = "unknown" // the corpus is not at hand, so the run has no identity yet
)

// An Item is one planned run.
type Item struct {
	Instance  spec.Instance
	ID        string // run_id; "" when the corpus is not at hand
	NumbersID string
	Init      string // digest of the weights it starts from; "" if it draws them, or its data is not at hand
	Action    string // New | Resume | Reuse | Running | Refused | Unknown
	Reason    string // why, in words
	Step      int    // updates already applied
	Dir       string // folder of the stored run, if there is one

	Ledger     *memory.Ledger            // every buffer, predicted
	Memory     map[memory.Category]int64 // its bytes by category
	Bytes      int64                     // their sum
	Need       int64                     // what its process is taken to need; see Need
	seen       int64                     // measured peak of a run that is resumed; 0 = unknown
	Parameters int64
	Trainable  int64
	Disk       int64   // one checkpoint, bytes; see Checkpoints
	stored     int64   // bytes of the checkpoints that are there already
	Epochs     float64 // passes over the training split; 0 when unknown

	// Left is what remains to be done: nothing of a run that is reused. Whole is
	// the run from its first update on.
	Left, Whole Cost

	Alternatives []Alternative // of a refused run: settings with which it fits
}

// A Cost is what a run takes.
type Cost struct {
	How   string // record.Calibrated | record.Rough
	Time  record.Durations
	FLOPs float64 // updates, refreshes and evaluations
}

// Seconds is the whole time.
func (c Cost) Seconds() float64 { return float64(c.Time.Total()) }

// A Plan is what a sweep would do.
type Plan struct {
	Experiment *spec.Experiment
	Items      []Item
	Corpora    []*corpus.Set // the distinct corpora of the runs
	Rate       Rate
	Threads    int         // of one run
	Memory     int64       // bytes that the runs may use together; 0 = unknown
	Room       system.Disk // where the results lie; Total 0 = unknown
	Notes      []string
}

// Options say where to look and with what to reckon.
type Options struct {
	Results string
	Cache   string
	// Reference lets committed runs stand for runs of the experiment.
	Reference bool

	Threads   int        // of one run
	ISA       tensor.ISA // of the kernels
	Memory    int64      // bytes that the runs may use together; 0 = unknown
	Calibrate Calibrating
	Progress  func(stage string, done, total int64)
	rate      func(*tensor.Device) Rate // nil: measureRate
	// Prepare opens the corpora, and builds those that the cache lacks. Without
	// it runs are planned without identity.
	Prepare bool
}

// Make plans an experiment.
func Make(ctx context.Context, e *spec.Experiment, o Options) (*Plan, error) {
	p := &Plan{Experiment: e, Memory: o.Memory, Notes: slices.Clone(e.Notes)}
	stored, err := record.Own(o.Results)
	if o.Reference {
		stored, err = record.List(o.Results)
	}
	if err != nil {
		return nil, err
	}
	device := tensor.NewDevice(tensor.Options{Threads: o.Threads, ISA: o.ISA})
	defer device.Close()
	if o.rate == nil {
		o.rate = measureRate
	}
	p.Rate, p.Threads = o.rate(device), device.Threads()
	if p.Room, err = system.DiskFor(o.Results); err != nil {
		p.note(fmt.Sprintf("what room there is for checkpoints is not known: %v", err))
	}

	made := false
	defer func() {
		if !made {
			p.Close()
		}
	}()
	sets, weights := map[string]*corpus.Set{}, map[string]string{}
	evals := evaluations{sets, map[evaluation]*corpus.Eval{}}
	for _, inst := range e.Runs {
		set, err := corpusOf(ctx, inst.Run, o, sets, p)
		if err != nil {
			return nil, err
		}
		item, err := p.item(inst, set, evals, weights, stored, device)
		if err != nil {
			return nil, fmt.Errorf("run %q: %w", inst.Label, err)
		}
		if err := item.refuse(o.Memory, device); err != nil {
			return nil, fmt.Errorf("run %q: %w", inst.Label, err)
		}
		p.Items = append(p.Items, item)
	}
	if err := p.estimate(ctx, newCalibrator(o, device, p.Rate), evals, stored, device); err != nil {
		return nil, err
	}
	made = true
	return p, nil
}

// corpusKey is equal for runs that share a corpus.
func corpusKey(r spec.Run) string {
	return fmt.Sprintf("%q %q %q %v %q %q %d", r.Data.Source, r.Data.Modules, r.Data.Paths, r.Data.ValFraction, r.Data.Tokenizer, r.Data.TokenizerModel, r.Model.VocabSize)
}

// corpusOf opens the corpus of a run, once per distinct corpus; nil when it is
// not at hand.
func corpusOf(ctx context.Context, r spec.Run, o Options, sets map[string]*corpus.Set, p *Plan) (*corpus.Set, error) {
	key := corpusKey(r)
	if set, ok := sets[key]; ok {
		return set, nil
	}
	if err := r.Data.Require(); err != nil {
		sets[key] = nil
		p.note("runs have no identity until their data is given")
		var problems *spec.Problems
		if errors.As(err, &problems) {
			for _, problem := range problems.List {
				p.note(problem.Message + "; " + problem.Hint)
			}
		}
		return nil, nil
	}
	if !o.Prepare {
		sets[key] = nil
		p.note("without the corpus runs have no identity, and finished ones are not found")
		return nil, nil
	}
	set, err := Corpus(ctx, r, o.Cache, o.Progress)
	if err != nil {
		return nil, err
	}
	sets[key] = set
	p.Corpora = append(p.Corpora, set)
	return set, nil
}

// item plans a run without its time. weights are the digests of folders that
// runs start from.
func (p *Plan) item(inst spec.Instance, set *corpus.Set, evals evaluations, weights map[string]string, stored []record.Run, device *tensor.Device) (Item, error) {
	it := Item{Instance: inst, Action: Unknown, Reason: "the corpus is not at hand"}
	s := inst.Run
	prediction, err := train.Predict(s, device)
	if err != nil {
		return it, err
	}
	it.Ledger, it.Memory, it.Bytes = prediction.Ledger, prediction.Ledger.ByCategory(), prediction.Ledger.Total()
	it.Need, it.Disk = Need(it.Bytes), checkpointBytes(it.Memory)
	it.Parameters, it.Trainable = prediction.Parameters, prediction.Trainable

	if set != nil {
		digests := train.Digests(set)
		if digests.Init, err = p.initDigest(s, weights); err != nil {
			return it, err
		}
		if theirs := train.InitTokenizer(s); digests.Init != "" && theirs != "" && theirs != digests.Tokenizer {
			p.note(fmt.Sprintf("init.from: the weights in %s were trained with another tokenizer (%.12s) than that of the runs (%.12s): their ids stand for other texts", s.Init.From, theirs, digests.Tokenizer))
		}
		it.Init = digests.Init
		order, err := train.TrainingOrder(s, set.Train)
		if err != nil {
			return it, err
		}
		if it.Epochs = float64(s.Train.Steps*s.Train.TotalBatchSize) / float64(order.N); it.Epochs > 1 {
			p.note(fmt.Sprintf("%s makes %.2f epochs: later passes see text that was trained on", inst.Label, it.Epochs))
		}
		switch n := evals.of(s).Targets; {
		case n == 0:
			return it, train.ErrNoEvaluation
		case n < s.Eval.Tokens:
			p.note(fmt.Sprintf("eval.tokens asks for %d, the validation split has %d in whole sequences of %d: perplexity is over these; raise data.val_fraction, or lower eval.tokens", s.Eval.Tokens, n, s.Train.MaxLength))
		}
		if p.Experiment.Missing(inst.Variant) {
			it.Reason = "its learning rate is not tuned yet"
			return it, nil
		}
		if _, err := train.SelectSet(s, set); err != nil {
			return it, err
		}
		it.ID, it.NumbersID = s.RunID(digests), s.NumbersID(digests)
		it.decide(stored)
	}
	return it, nil
}

// note adds a note, once.
func (p *Plan) note(text string) {
	if !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}

// initDigest returns the digest of the weights that a run starts from, which are
// read once per folder and configuration.
func (p *Plan) initDigest(s spec.Run, weights map[string]string) (string, error) {
	key := fmt.Sprint(s.Init.From, s.Model.Config)
	if digest, ok := weights[key]; ok {
		return digest, nil
	}
	digest, err := train.InitDigest(s)
	if err == nil && digest != "" {
		p.note(fmt.Sprintf("init.from: runs start from the weights in %s, digest %.12s", s.Init.From, digest))
	}
	weights[key] = digest
	return digest, err
}

// decide looks for the run among the stored ones.
func (it *Item) decide(stored []record.Run) {
	it.Action, it.Reason = New, "no stored run has this id"
	run, err := record.Find(stored, it.ID)
	if err != nil {
		return
	}
	it.Dir = run.Dir
	it.stored, _ = system.BytesBelow(train.CheckpointDir(run.Dir)) // 0 if there are none, or they are gone meanwhile
	switch state := run.State(); {
	case run.Finished():
		it.Action, it.Step = Reuse, run.Summary.Steps
		it.Reason = "finished as " + record.ShortID(run.ID)
		if run.Reference {
			it.Reason = "committed with the project as " + record.ShortID(run.ID)
		}
		if run.Summary.State == record.Diverged {
			it.Reason += ", diverged: " + run.Summary.Reason
		}
	case state == record.Running:
		it.Action, it.Reason = Running, "another process is training it"
	default:
		it.Step = train.LatestStep(train.CheckpointDir(run.Dir))
		if it.Step > 0 {
			it.Action, it.Reason = Resume, fmt.Sprintf("%s at step %d", state, it.Step)
			if m := run.Measured(); m != nil {
				it.seen = m.PeakBytes
			}
		} else if state != record.Planned {
			it.Reason = state + " before its first checkpoint"
		}
	}
}

// refuse turns a run that needs more than a number of bytes away, and says what
// takes the room and what would fit.
func (it *Item) refuse(limit int64, device *tensor.Device) error {
	if limit == 0 || it.Need <= limit || it.Action == Reuse || it.Action == Running || it.Action == Resume && it.seen > 0 && it.seen <= limit {
		return nil
	}
	var largest memory.Category
	for _, c := range memory.Categories() {
		if it.Memory[c] > it.Memory[largest] {
			largest = c
		}
	}
	fitting, smallest, err := alternatives(it.Instance.Run, limit, func(s spec.Run) (int64, error) {
		p, err := train.Predict(s, device)
		if err != nil {
			return 0, err
		}
		return p.Ledger.Total(), nil
	})
	if err != nil {
		return err
	}
	it.Action, it.Alternatives = Refused, fitting
	it.Reason = fmt.Sprintf("needs %s, a run may use %s; the largest part is %s with %s; %s",
		gibibytes(it.Need), gibibytes(limit), largest, gibibytes(it.Memory[largest]), advice(it.Instance.Run, fitting, smallest))
	return nil
}

// Count returns the number of runs with an action.
func (p *Plan) Count(action string) (n int) {
	for _, it := range p.Items {
		if it.Action == action {
			n++
		}
	}
	return n
}

// Ngrams returns the n-gram baselines of the runs' data, and none, with a note,
// where the runs are evaluated on different data.
func (p *Plan) Ngrams(ctx context.Context) ([]corpus.Baseline, error) {
	if len(p.Corpora) == 0 {
		return nil, nil
	}
	first := p.Experiment.Runs[0].Run
	for _, inst := range p.Experiment.Runs {
		s := inst.Run
		if len(p.Corpora) > 1 || s.Data.Packing != first.Data.Packing || s.Train.MaxLength != first.Train.MaxLength || s.Eval.Tokens != first.Eval.Tokens {
			p.note("the runs are evaluated on different data: no n-gram baselines")
			return nil, nil
		}
	}
	eval := corpus.EvalSet(p.Corpora[0].Val, first.Data.Packing, first.Train.MaxLength, first.Eval.Tokens)
	return p.Corpora[0].Ngrams(ctx, eval, 1, 2, 3)
}

// Close closes the corpora.
func (p *Plan) Close() {
	for _, set := range p.Corpora {
		set.Close()
	}
}

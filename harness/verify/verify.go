// Package verify trains a stored run again and compares what comes out: every
// recorded loss, every digest of weights and states, and the result.
package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/atomicfile"
	"ranklab/tensor"
)

// Options say which run to verify, and how to train it again.
type Options struct {
	Run  record.Run // the stored run
	Spec spec.Run   // its resolved spec
	Data *corpus.Set
	// Scratch is a results folder of this verification's own. One that was
	// interrupted carries on from what it left there, if the same program does;
	// without a difference the folder is removed at the end.
	Scratch  string
	Steps    int // the first updates; 0 = as far as the record goes
	From     int // begin at the stored run's checkpoint after so many updates; 0 = at the start
	Threads  int
	ISA      tensor.ISA
	Revision string
	Messages func(train.Message)
}

// A Report says what was compared, and the first difference.
type Report struct {
	ID         string      `json:"id"`
	From       int         `json:"from,omitempty"`     // updates that were taken from a checkpoint
	Steps      int         `json:"steps"`              // updates up to which the record was compared
	Whole      bool        `json:"whole"`              // to the run's end, result included
	Rows       int         `json:"rows"`               // of metrics.jsonl, that are equal
	Digests    int         `json:"digests"`            // of weights and states, that are equal
	Subspace   int         `json:"subspace,omitempty"` // rows of subspace.jsonl, that are equal
	Threads    int         `json:"threads"`
	ISA        string      `json:"isa"`
	Seconds    float64     `json:"seconds"`
	Difference *Difference `json:"difference,omitempty"`
	Kept       string      `json:"kept,omitempty"` // where the differing run lies
}

// String says in one line what was found.
func (r *Report) String() string {
	if r.Difference != nil {
		s := "DIFFERS at " + r.Difference.String()
		if r.Kept != "" {
			s += "; the run that differs stays in " + r.Kept
		}
		return s
	}
	updates := fmt.Sprintf("updates 1 to %d", r.Steps)
	if r.From > 0 {
		updates = fmt.Sprintf("updates %d to %d", r.From+1, r.Steps)
	}
	result := ""
	if r.Whole {
		result = ", and the result"
	}
	if r.Subspace > 0 {
		result = fmt.Sprintf(", %d rows of subspaces", r.Subspace) + result
	}
	return fmt.Sprintf("same bits: %s, %d rows, %d digests%s (%d threads, %s, %.0f s)", updates, r.Rows, r.Digests, result, r.Threads, r.ISA, r.Seconds)
}

// errEnough ends a run whose difference is known.
var errEnough = errors.New("the difference is known")

// Run trains the stored run again and compares. A difference is a finding and
// no error; an error says that nothing could be compared.
func Run(ctx context.Context, o Options) (*Report, error) {
	began := time.Now()
	if p := o.Run.Provenance; p != nil && p.NumericsVersion != 0 && p.NumericsVersion != spec.NumericsVersion {
		return nil, fmt.Errorf("run %s was made with numerics_version %d, and this program computes with %d: their bits differ. Verify it with the program that made it, revision %s",
			record.ShortID(o.Run.ID), p.NumericsVersion, spec.NumericsVersion, p.Revision)
	}
	report := &Report{ID: o.Run.ID, From: o.From, Threads: o.Threads, ISA: o.ISA.String()}
	digests, err := train.Identify(o.Spec, o.Data)
	if err != nil {
		return nil, err
	}
	if report.Difference = otherNumbers(o, digests); report.Difference != nil {
		return report, nil
	}
	c, err := load(o)
	if err != nil {
		return nil, err
	}
	report.Steps, report.Whole = c.until, c.whole
	id := o.Spec.RunID(digests)
	if err := o.prepare(id); err != nil {
		return nil, err
	}
	if err := c.again(ctx, o, id); err != nil {
		return nil, err
	}
	if c.difference == nil && c.whole {
		again, err := record.Read(record.Dir(o.Scratch, id))
		if err != nil {
			return nil, err
		}
		c.difference = compareSummaries(o.Run.Summary, again.Summary)
	}
	if c.difference != nil {
		if err := c.name(o.Spec); err != nil {
			return nil, err
		}
		report.Kept = record.Dir(o.Scratch, id)
		// Whoever looks again wants to see it again, not to carry on from here.
		if err := os.Remove(filepath.Join(o.Scratch, programFile)); err != nil {
			return nil, err
		}
	} else if err := os.RemoveAll(o.Scratch); err != nil {
		return nil, err
	}
	report.Rows, report.Digests, report.Subspace, report.Difference = c.equalRows, c.equalDigests, c.equalSubspace, c.difference
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

// otherNumbers says why the run cannot give the same numbers here: its text or
// its tokenizer is another one.
func otherNumbers(o Options, now spec.Digests) *Difference {
	if o.Run.NumbersID == "" || o.Run.NumbersID == o.Spec.NumbersID(now) {
		return nil
	}
	if p := o.Run.Provenance; p != nil {
		if p.CorpusDigest != now.Data {
			return &Difference{What: "corpus digest", Stored: p.CorpusDigest, Again: now.Data}
		}
		if p.TokenizerDigest != now.Tokenizer {
			return &Difference{What: "tokenizer digest", Stored: p.TokenizerDigest, Again: now.Tokenizer}
		}
	}
	return &Difference{What: "numbers_id: spec.toml is not what the run was made from", Stored: o.Run.NumbersID, Again: o.Spec.NumbersID(now)}
}

// programFile in a scratch folder holds the digest of the program that works there.
const programFile = "program.sha256"

// prepare makes the scratch folder ready: empty, forked from a checkpoint, or as
// an interrupted verification by the same program left it. What another program
// has computed says nothing of this one.
func (o Options) prepare(id string) error {
	program, err := thisProgram()
	if err != nil {
		return err
	}
	marker := filepath.Join(o.Scratch, programFile)
	before, err := os.ReadFile(marker)
	if old, readErr := record.Read(record.Dir(o.Scratch, id)); err == nil && readErr == nil && string(before) == program && !old.Finished() && old.Status != nil {
		return nil
	}
	if err := os.RemoveAll(o.Scratch); err != nil {
		return err
	}
	if o.From > 0 {
		if err := train.Fork(o.Run.Dir, o.From, o.Scratch, id); err != nil {
			return err
		}
	}
	return errors.Join(os.MkdirAll(o.Scratch, 0o777), atomicfile.Write(marker, []byte(program)))
}

// thisProgram returns the SHA-256 of the file that this process executes.
func thisProgram() (string, error) {
	f, err := os.Open("/proc/self/exe") // that file, even if there is another of its name by now
	if err != nil {
		path, err := os.Executable()
		if err != nil {
			return "", err
		}
		if f, err = os.Open(path); err != nil {
			return "", err
		}
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// again trains, and compares while it does.
func (c *comparison) again(ctx context.Context, o Options, id string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	dir := record.Dir(o.Scratch, id)
	var looked time.Time
	var problem error
	options := train.Options{
		Spec: o.Spec, Results: o.Scratch, Data: o.Data, Threads: o.Threads, ISA: o.ISA, Revision: o.Revision,
		Messages: func(m train.Message) {
			if o.Messages != nil {
				o.Messages(m)
			}
			// Reading all rows again is cheap beside an update, not beside a tiny one.
			if time.Since(looked) < time.Second {
				return
			}
			if problem = c.look(dir); problem != nil || c.settled() {
				stop(errEnough)
			}
			looked = time.Now()
		},
	}
	if !c.whole {
		options.Until = c.until
	}
	_, err := train.Run(ctx, options)
	if problem != nil {
		return problem
	}
	stopped := errors.Is(err, train.ErrStopped) && errors.Is(context.Cause(ctx), errEnough)
	if err != nil && !stopped && !errors.Is(err, train.ErrUntil) {
		return err
	}
	if err := c.look(dir); err != nil {
		return err
	}
	if !stopped {
		c.end()
	}
	return nil
}

// Scratch returns the folder below a results root in which a verification
// works: one for each way to run it.
func Scratch(results string, run record.Run, isa tensor.ISA, threads, from int) string {
	return filepath.Join(results, "verify", fmt.Sprintf("%s-%s-%d-%d", record.ShortID(run.ID), isa, threads, from))
}

package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"ranklab/internal/atomicfile"
	"ranklab/internal/bounded"
)

// A Writer is the only writer of a run folder while it is open. It is not safe
// for concurrent use.
type Writer struct {
	dir      string
	attempt  int
	lock     *flock.Flock
	metrics  *lineFile
	digests  *lineFile
	subspace *lineFile // nil until there is a row
	timing   *lineFile
	log      *os.File
}

// Open locks the run with the given id below root, creating its folder when it
// is new, and begins an attempt. It fails with a [*LockedError] while another
// process has the run open, and when the folder belongs to a run whose id
// differs after its first 12 digits.
//
// Opening repairs what a killed process left: temporary files, and a last line
// of metrics.jsonl, digests.jsonl or subspace.jsonl without its end. It refuses such a file that
// holds something but neither a line nor the beginning of one: that is not the
// work of a killed process, and cutting it away could destroy what it is.
func Open(root, id string) (*Writer, error) {
	if !isID(id) {
		return nil, fmt.Errorf("run id %q: want at least %d hexadecimal digits", id, idDigits)
	}
	dir := Dir(root, id)
	if err := os.MkdirAll(filepath.Join(dir, attemptsDir), 0o777); err != nil {
		return nil, err
	}
	if err := atomicfile.SyncDir(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	l, err := lock(dir)
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, lock: l}
	if err := w.begin(id); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Writer) begin(id string) error {
	if err := checkID(w.dir, id); err != nil {
		return err
	}
	if err := atomicfile.RemoveTemps(w.dir, time.Hour); err != nil {
		return err
	}
	last, err := lastAttempt(w.dir)
	if err != nil {
		return err
	}
	w.attempt = last + 1
	if err := os.Mkdir(w.AttemptDir(), 0o777); err != nil {
		return err
	}
	if w.metrics, err = openLines(filepath.Join(w.dir, metricsFile), `{"k":"`); err != nil {
		return err
	}
	if w.digests, err = openLines(filepath.Join(w.dir, digestsFile), `{"step":`); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(w.dir, subspaceFile)); err == nil {
		if err := w.openSubspace(); err != nil {
			return err
		}
	}
	if w.timing, err = openLines(filepath.Join(w.AttemptDir(), timingFile), `{"step":`); err != nil {
		return err
	}
	w.log, err = os.OpenFile(filepath.Join(w.AttemptDir(), logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	return err
}

// checkID compares id with the one in origin.json, if there is one. A damaged
// file tells nothing, and is [AddOrigin]'s to repair.
func checkID(dir, id string) error {
	var o Origins
	var damaged *damagedError
	switch err := readJSON(filepath.Join(dir, originFile), &o); {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &damaged):
		return nil
	case err != nil:
		return err
	case len(id) > idDigits && len(o.ID) > idDigits && o.ID != id:
		return fmt.Errorf("%s belongs to run %s, which shares its first %d digits with %s: use another results folder", dir, o.ID, idDigits, id)
	}
	return nil
}

// lastAttempt returns the number of the newest attempt folder, 0 for none.
func lastAttempt(dir string) (int, error) {
	entries, err := os.ReadDir(filepath.Join(dir, attemptsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	last := 0
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n < math.MaxInt32 {
			last = max(last, n)
		}
	}
	return last, nil
}

// Dir returns the run folder.
func (w *Writer) Dir() string { return w.dir }

// Attempt returns the number of this start, from 1.
func (w *Writer) Attempt() int { return w.attempt }

// AttemptDir returns the folder of this start.
func (w *Writer) AttemptDir() string {
	return filepath.Join(w.dir, attemptsDir, fmt.Sprintf("%04d", w.attempt))
}

// Log returns the log of this attempt.
func (w *Writer) Log() io.Writer { return w.log }

// Spec writes the resolved run as TOML.
func (w *Writer) Spec(toml []byte) error {
	return atomicfile.Write(filepath.Join(w.dir, specFile), toml)
}

// Provenance writes the provenance of this attempt, after a resumed run was
// cut back to its checkpoint. The run's own provenance.json is that of its
// first attempt; it lists the later ones whose program differs. An attempt that
// keeps neither updates nor rows of earlier ones is a first one.
func (w *Writer) Provenance(p Provenance) error {
	p.Schema, p.Attempt, p.Attempts = Schema, w.attempt, nil
	if err := writeJSON(filepath.Join(w.AttemptDir(), provenanceFile), p); err != nil {
		return err
	}
	path := filepath.Join(w.dir, provenanceFile)
	if p.FromStep > 0 || w.metrics.size > 0 {
		var first Provenance
		var damaged *damagedError
		switch err := readJSON(path, &first); {
		case err == nil:
			p = first.carriedOnBy(p)
		case errors.As(err, &damaged):
			if err := setAside(path); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return writeJSON(path, p)
}

// Memory writes memory.json.
func (w *Writer) Memory(m Memory) error {
	m.Schema = Schema
	return writeJSON(filepath.Join(w.dir, memoryFile), m)
}

// Status replaces status.json; attempt, pid and heartbeat are filled in.
func (w *Writer) Status(s Status) error {
	s.Attempt, s.PID, s.Heartbeat = w.attempt, os.Getpid(), time.Now().UTC().Truncate(time.Second)
	return writeJSON(filepath.Join(w.dir, statusFile), s)
}

// Train appends a training row.
func (w *Writer) Train(r TrainRow) error {
	r.K = trainKind
	return w.metrics.append(r)
}

// Eval appends an evaluation.
func (w *Writer) Eval(r EvalRow) error {
	r.K = evalKind
	return w.metrics.append(r)
}

// Event appends an event. Values in Detail are deterministic; NaN and
// infinities become null.
func (w *Writer) Event(r EventRow) error {
	r.K = eventKind
	if r.Detail != nil {
		r.Detail = finite(r.Detail).(map[string]any)
	}
	return w.metrics.append(r)
}

// Digest appends a row to digests.jsonl.
func (w *Writer) Digest(r DigestRow) error { return w.digests.append(r) }

// Timing appends a row to this attempt's timing.jsonl.
func (w *Writer) Timing(r TimingRow) error { return w.timing.append(r) }

// Mark makes the rows durable and returns the place behind the newest, for a
// checkpoint to keep.
func (w *Writer) Mark() (m Mark, err error) {
	if err := w.sync(); err != nil {
		return m, err
	}
	m.Metrics, m.Digests = w.metrics.size, w.digests.size
	if w.subspace != nil {
		m.Subspace = w.subspace.size
	}
	m.Rows, err = m.sum(w.dir)
	return m, err
}

// TruncateTo cuts the rows back to a mark, so that a resumed run continues from
// its checkpoint. It refuses a place beyond a file with a [*ShortError], and one
// inside a line.
func (w *Writer) TruncateTo(m Mark) error {
	err := errors.Join(w.metrics.truncate(m.Metrics), w.digests.truncate(m.Digests))
	switch {
	case w.subspace != nil:
		err = errors.Join(err, w.subspace.truncate(m.Subspace))
	case m.Subspace > 0:
		err = errors.Join(err, &ShortError{Path: filepath.Join(w.dir, subspaceFile), Want: m.Subspace})
	}
	return err
}

// rows lists the files of rows that are open.
func (w *Writer) rows() []*lineFile {
	if w.subspace == nil {
		return []*lineFile{w.metrics, w.digests}
	}
	return []*lineFile{w.metrics, w.digests, w.subspace}
}

// sync makes the rows durable.
func (w *Writer) sync() error {
	var errs []error
	for _, f := range w.rows() {
		errs = append(errs, f.file.Sync())
	}
	return errors.Join(errs...)
}

// openSubspace opens subspace.jsonl, and makes it where there is none.
func (w *Writer) openSubspace() (err error) {
	if w.subspace, err = openLines(filepath.Join(w.dir, subspaceFile), `{"step":`); err != nil {
		return err
	}
	return atomicfile.SyncDir(w.dir)
}

// Summary makes the rows durable and writes summary.json: the run is finished.
// It fails when the run's folder was deleted or replaced since Open, for then
// the rows are not beside the summary.
func (w *Writer) Summary(s Summary) error {
	if s.State != Done && s.State != Diverged {
		return fmt.Errorf("summary of %s: state %q is not final", w.dir, s.State)
	}
	if err := w.sync(); err != nil {
		return err
	}
	var errs []error
	for _, f := range w.rows() {
		errs = append(errs, f.inPlace())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s was deleted or replaced while the run was writing to it, so its rows are lost and it has no result: %w", w.dir, err)
	}
	s.Schema, s.Attempts = Schema, w.attempt
	s.Final.K, s.Best.K = evalKind, evalKind
	if s.Select != nil {
		row := *s.Select
		row.K = evalKind
		s.Select = &row
	}
	return writeJSON(filepath.Join(w.dir, summaryFile), s)
}

// Close syncs the rows and releases the lock.
func (w *Writer) Close() error {
	var errs []error
	for _, f := range []*lineFile{w.metrics, w.digests, w.subspace, w.timing} {
		if f != nil {
			errs = append(errs, f.file.Sync(), f.file.Close())
		}
	}
	if w.log != nil {
		errs = append(errs, w.log.Close())
	}
	errs = append(errs, w.lock.Close())
	return errors.Join(errs...)
}

// writeJSON replaces a file by an indented JSON value.
func writeJSON(path string, v any) error {
	data, err := encodeJSON(v, "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.Write(path, data)
}

// encodeJSON returns v and a line end. "<" and "&" stay readable.
func encodeJSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// A damagedError says that a file holds no JSON of the right form.
type damagedError struct {
	path string
	err  error
}

func (e *damagedError) Error() string { return e.path + ": " + e.err.Error() }

func (e *damagedError) Unwrap() error { return e.err }

// setAside renames a damaged file, so that it can be written anew and still be
// looked at.
func setAside(path string) error { return os.Rename(path, path+".damaged") }

// maxFileBytes bounds a JSON file of a record. The largest, a sweep.json of 10,000
// runs, has a few MB.
const maxFileBytes = 64 << 20

// readJSON reads a file into v. What it holds may be a [*damagedError].
func readJSON(path string, v any) error {
	data, err := bounded.ReadFile(path, maxFileBytes)
	if errors.As(err, new(*bounded.TooLargeError)) {
		return &damagedError{path, err}
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return &damagedError{path, err}
	}
	return nil
}

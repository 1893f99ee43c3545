package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Run is what the folder of a run holds at the moment it is read. Parts that
// do not exist yet are nil.
type Run struct {
	ID         string // full run id where origin.json or summary.json tells it, else the folder's 12 digits
	NumbersID  string
	Dir        string
	Reference  bool // committed with the project, read-only
	Origins    []Origin
	Status     *Status
	Summary    *Summary
	Memory     *Memory
	Estimate   *Estimate
	Provenance *Provenance
	Evidence   *Evidence
	// Problem says which file could not be read. The other parts are valid.
	Problem error

	alive bool
}

// Read reads the folder of a run. It never blocks a writer, and a writer never
// makes it fail.
func Read(dir string) (Run, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return Run{}, err
	}
	if !info.IsDir() {
		return Run{}, fmt.Errorf("%s is not a folder", dir)
	}
	r := Run{ID: filepath.Base(dir), Dir: dir, alive: locked(dir)}
	var o Origins
	if r.part(originFile, &o) && r.owns(originFile, o.ID) {
		r.ID, r.NumbersID, r.Origins = o.ID, o.NumbersID, o.Origins
	}
	r.Status = optional[Status](&r, statusFile)
	r.Memory = optional[Memory](&r, memoryFile)
	r.Estimate = optional[Estimate](&r, estimateFile)
	r.Provenance = optional[Provenance](&r, provenanceFile)
	r.Evidence = optional[Evidence](&r, evidenceFile)
	if s := optional[Summary](&r, summaryFile); s != nil && r.owns(summaryFile, s.ID) && r.final(s.State) {
		if s.Schema > Schema {
			r.Problem = fmt.Errorf("%s: schema %d is newer than this program's %d", filepath.Join(dir, summaryFile), s.Schema, Schema)
		}
		r.Summary, r.ID, r.NumbersID = s, s.ID, s.NumbersID
		if err := r.rowsExist(); err != nil {
			r.Summary, r.Problem = nil, errors.Join(r.Problem, err)
		}
	}
	return r, nil
}

// owns reports whether a file of the folder tells of the folder's own run. The id
// that it gives becomes a part of paths, and a result belongs to one run.
func (r *Run) owns(file, id string) bool {
	ok := isID(id) && ShortID(id) == filepath.Base(r.Dir)
	if !ok {
		r.Problem = errors.Join(r.Problem, fmt.Errorf("%s: is of run %q, not of the folder's", filepath.Join(r.Dir, file), id))
	}
	return ok
}

// final reports whether a summary has the state of a finished run.
func (r *Run) final(state string) bool {
	ok := state == Done || state == Diverged
	if !ok {
		r.Problem = errors.Join(r.Problem, fmt.Errorf("%s: state %q is not final", filepath.Join(r.Dir, summaryFile), state))
	}
	return ok
}

// rowsExist makes sure that a summary has rows beside it: without them it was
// written into a folder that had been deleted, and there is no result.
func (r *Run) rowsExist() error {
	_, err := os.Stat(filepath.Join(r.Dir, metricsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s stands without %s and does not count", filepath.Join(r.Dir, summaryFile), metricsFile)
	}
	return err
}

// part reads one file of the run and reports whether it is there and valid.
func (r *Run) part(name string, v any) bool {
	err := readJSON(filepath.Join(r.Dir, name), v)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Problem = errors.Join(r.Problem, err)
	}
	return err == nil
}

func optional[T any](r *Run, name string) *T {
	v := new(T)
	if !r.part(name, v) {
		return nil
	}
	return v
}

// State returns the state of the run. A run whose status says running although
// no process holds its lock was interrupted, and so was one whose status says
// finished although it has no result.
func (r Run) State() string {
	switch {
	case r.Summary != nil:
		return r.Summary.State
	case r.alive:
		return Running
	case r.Status == nil:
		return Planned
	case r.Status.State == Running, r.Status.State == Done, r.Status.State == Diverged:
		return Interrupted
	}
	return r.Status.State
}

// Measured returns what the run's process took, nil if nothing was recorded.
func (r Run) Measured() *Measured {
	if r.Memory == nil {
		return nil
	}
	return r.Memory.Measured
}

// Finished reports whether the run has a result: a summary, and the rows that
// it sums up.
func (r Run) Finished() bool { return r.Summary != nil }

// Metrics reads the rows. A run that has written none has none.
func (r Run) Metrics() (Metrics, error) {
	var m Metrics
	err := r.lines(metricsFile, m.add)
	return m, err
}

// Rows reads the rows of metrics.jsonl in order, with every field as it was
// written.
func (r Run) Rows() (rows []Row, err error) {
	err = r.lines(metricsFile, func(line []byte) error {
		var row Row
		if err := json.Unmarshal(line, &row.Fields); err != nil {
			return err
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// Digests reads the digests of weights and states. Old runs have none.
func (r Run) Digests() (rows []DigestRow, err error) {
	err = r.lines(digestsFile, func(line []byte) error { return appendRow(&rows, line) })
	return rows, err
}

// lines hands over the lines of one file of rows, none if there is no file.
func (r Run) lines(name string, add func(line []byte) error) error {
	f, err := os.Open(filepath.Join(r.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := readLines(f, add); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

// Spec returns the resolved run as TOML.
func (r Run) Spec() ([]byte, error) { return os.ReadFile(filepath.Join(r.Dir, specFile)) }

// Origin returns how an experiment reaches the run.
func (r Run) Origin(experiment string) (Origin, bool) {
	i := slices.IndexFunc(r.Origins, func(o Origin) bool { return o.Experiment == experiment })
	if i < 0 {
		return Origin{}, false
	}
	return r.Origins[i], true
}

// List reads every run below the given results roots: ROOT/runs/* and, read
// only, ROOT/reference/*/runs/*. A run that exists more than once is listed
// once: the finished copy, of several the one with its evidence, or else the
// first. The order is that of the ids.
// Folders that cannot be read in part are listed with their Problem.
func List(roots ...string) ([]Run, error) { return list(roots, true) }

// Own is [List] without the committed runs.
func Own(root string) ([]Run, error) { return list([]string{root}, false) }

func list(roots []string, committed bool) ([]Run, error) {
	byID := make(map[string]Run)
	for _, root := range roots {
		own, err := filepath.Glob(filepath.Join(globQuote(root), "runs", "*"))
		if err != nil {
			return nil, err
		}
		var reference []string
		if committed {
			if reference, err = filepath.Glob(filepath.Join(globQuote(root), "reference", "*", "runs", "*")); err != nil {
				return nil, err
			}
		}
		for i, dir := range append(own, reference...) {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() || strings.HasPrefix(filepath.Base(dir), ".") {
				continue
			}
			r, err := Read(dir)
			if err != nil {
				return nil, err
			}
			r.Reference = i >= len(own)
			if old, seen := byID[r.ID]; !seen || r.tells() > old.tells() {
				byID[r.ID] = r
			}
		}
	}
	runs := make([]Run, 0, len(byID))
	for _, r := range byID {
		runs = append(runs, r)
	}
	slices.SortFunc(runs, func(a, b Run) int { return strings.Compare(a.ID, b.ID) })
	return runs, nil
}

// tells grades what a record says of a run.
func (r Run) tells() int {
	switch {
	case !r.Finished():
		return 0
	case r.Evidence == nil:
		return 1
	}
	return 2
}

// globQuote makes a path mean itself inside a pattern.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Find returns the one run whose id starts with prefix.
func Find(runs []Run, prefix string) (Run, error) {
	var found []Run
	for _, r := range runs {
		if prefix != "" && (strings.HasPrefix(r.ID, prefix) || r.ID == ShortID(prefix)) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if len(runs) == 0 {
			return Run{}, fmt.Errorf("no run %q: the results folder holds no runs yet", prefix)
		}
		return Run{}, fmt.Errorf("no run %q among %d runs; ids look like %s (ranklab status lists them)", prefix, len(runs), ShortID(runs[0].ID))
	}
	list := make([]string, 0, len(found))
	for _, r := range found[:min(len(found), 5)] {
		entry := ShortID(r.ID)
		if len(r.Origins) > 0 {
			entry += " (" + r.Origins[0].Experiment + ", " + r.Origins[0].Name() + ")"
		}
		list = append(list, entry)
	}
	if len(found) > len(list) {
		list = append(list, "…")
	}
	return Run{}, fmt.Errorf("run %q is ambiguous, %d runs start with it: %s", prefix, len(found), strings.Join(list, ", "))
}

// Name returns what people call the run: its label, or else its method.
func (o Origin) Name() string {
	if o.Label != "" {
		return o.Label
	}
	return o.Variant
}

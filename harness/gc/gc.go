// Package gc removes from the results and the cache folder what is safe to
// remove. What is safe:
//
//   - Of a run only while its lock is held, so that no process writes it. A run
//     that is being written is left alone.
//   - Outside of runs, where no lock tells, only what nobody has touched for an
//     hour, which no write and no start of a sweep takes.
//   - A checkpoint only for newer ones that were read and found good, so that
//     after the first checkpoint there is always a good one.
//   - Only what has a name that this program gives. Nothing in reference, no
//     record of a run that a sweep reaches, nothing that a symbolic link leads to.
//   - Never a lock file by itself: the kernel releases a lock when its holder
//     dies, so that an old file is in nobody's way, while removing it would let two
//     processes lock two files of one name.
//
// Folders are renamed before they are removed, to names that readers pass over:
// when the removal is interrupted there is no part of anything.
package gc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/train"
	"ranklab/internal/atomicfile"
)

// Options say where to tidy up, and what to remove beyond what nobody misses.
type Options struct {
	Results, Cache string
	Experiment     string // only what belongs to it; "": everything
	DryRun         bool   // report, and change nothing

	Checkpoints bool // the last checkpoints of finished runs too: they cannot be exported, nor verified from there, afterwards
	Orphans     bool // runs that no stored sweep reaches, with their records
	Corpora     bool // what nothing in the cache folder leads to any more
}

// The kinds of what is removed, beside those of [train.SpareKind].
const (
	Temporary = "temporary file"
	Log       = "log of a finished run"
	Spec      = "spec of a finished run"
	Attempt   = "empty attempt"
	Planned   = "run that never started"
	Orphan    = "orphan run"
	Corpus    = "unused corpus data"
	Remains   = "remains of a removal"
)

// An Item is a file or folder that was removed, or would be.
type Item struct {
	Path  string `json:"path"`
	Kind  string `json:"kind"`
	Why   string `json:"why"`
	Bytes int64  `json:"bytes"`

	remove func() error
}

// A Left is something that was not tidied up.
type Left struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Schema is the version of the report as JSON.
const Schema = 1

// A Report says what was removed, and what was left alone.
type Report struct {
	Schema  int    `json:"schema"`
	DryRun  bool   `json:"dry_run"`
	Bytes   int64  `json:"bytes"`   // freed, or what would be
	Removed []Item `json:"removed"` // or what would be
	Left    []Left `json:"left"`
}

// settled is the age from which a file that no lock guards is nobody's work in
// progress.
const settled = time.Hour

// A collection is one call of Run.
type collection struct {
	Options
	ctx     context.Context
	report  *Report
	reached map[string][]string // experiments by folder name of a run
	unsure  error               // why reached may not be all
}

// Run tidies up. What could not be removed is part of the error; the report is
// right all the same.
func Run(ctx context.Context, o Options) (*Report, error) {
	c := &collection{Options: o, ctx: ctx, report: &Report{Schema: Schema, DryRun: o.DryRun, Removed: []Item{}, Left: []Left{}}}
	var errs []error
	if there, err := resolve(&c.Results); err != nil {
		errs = append(errs, err)
	} else if there {
		errs = append(errs, c.results())
	}
	if there, err := resolve(&c.Cache); err != nil {
		errs = append(errs, err)
	} else if there && o.Corpora && ctx.Err() == nil {
		errs = append(errs, c.corpora())
	}
	return c.report, errors.Join(append(errs, ctx.Err())...)
}

// resolve follows links on the way to a folder that the user has named, and
// reports whether there is one.
func resolve(folder *string) (there bool, err error) {
	path, err := filepath.EvalSymlinks(*folder)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		*folder, err = filepath.Abs(path)
	}
	return err == nil, err
}

func (c *collection) results() error {
	c.reached, c.unsure = record.Reached(c.Results)
	switch {
	case c.unsure != nil && c.Orphans:
		return fmt.Errorf("no run is an orphan for sure: %w", c.unsure)
	case c.unsure != nil:
		c.leave(filepath.Join(c.Results, "runs"), "runs that never started stay: "+c.unsure.Error())
	case c.Orphans && len(c.reached) == 0:
		return fmt.Errorf("%s holds no sweep, so every run would be an orphan: delete what you do not want by hand", c.Results)
	}
	var errs []error
	if c.Experiment == "" {
		errs = append(errs, c.temps(c.Results))
	}
	errs = append(errs, c.runs())
	for _, folder := range []string{"sweeps", "tables", "figures"} {
		for _, dir := range c.folders(filepath.Join(c.Results, folder)) {
			if c.Experiment != "" && filepath.Base(dir) != c.Experiment {
				continue
			}
			errs = append(errs, c.temps(dir))
			if folder == "sweeps" {
				errs = append(errs, c.children(dir))
			}
		}
	}
	return errors.Join(errs...)
}

// runs tidies up the run folders.
func (c *collection) runs() error {
	var errs []error
	for _, dir := range c.folders(filepath.Join(c.Results, "runs")) {
		if c.ctx.Err() != nil {
			break
		}
		switch name := filepath.Base(dir); {
		case record.Removing(name):
			errs = append(errs, c.remove(c.item(dir, Remains, "", func() error { return os.RemoveAll(dir) })...))
		case record.IsFolderName(name) && c.concerns(dir):
			errs = append(errs, c.run(dir))
		}
	}
	return errors.Join(errs...)
}

// concerns reports whether the run is one of the experiment.
func (c *collection) concerns(dir string) bool {
	if c.Experiment == "" || slices.Contains(c.reached[filepath.Base(dir)], c.Experiment) {
		return true
	}
	r, err := record.Read(dir)
	if err != nil {
		return false
	}
	_, ok := r.Origin(c.Experiment)
	return ok
}

// run tidies up one run, under its lock. A run without litter is not touched at
// all.
func (c *collection) run(dir string) error {
	if err := record.Held(dir); err != nil {
		c.leave(dir, err.Error())
		return nil
	}
	items, err := c.litter(dir, false)
	if err != nil || len(items) == 0 || c.DryRun {
		return errors.Join(err, c.remove(items...))
	}
	release, err := record.Hold(dir)
	var locked *record.LockedError
	if errors.As(err, &locked) {
		c.leave(dir, err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	if items, err = c.litter(dir, true); err == nil { // again, for the state before may have been that of a writer
		err = c.remove(items...)
	}
	return errors.Join(err, release())
}

// litter lists what a run can do without. held says that its lock is held, which
// may have changed the folder itself.
func (c *collection) litter(dir string, held bool) ([]Item, error) {
	r, err := record.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.Problem != nil {
		c.leave(dir, r.Problem.Error())
		return nil, nil
	}
	if kind, err := c.unwanted(dir, held); err != nil || kind != "" {
		name := filepath.Base(dir)
		return c.item(dir, kind, "no stored sweep reaches it: "+r.State(), func() error { return record.RemoveRun(c.Results, name) }), err
	}
	items, err := c.oldTemps(dir)
	if err != nil {
		return nil, err
	}
	keep := train.KeepTwo
	switch {
	case r.Finished() && c.Checkpoints:
		keep = train.KeepNone
	case r.Finished():
		keep = train.KeepLast
	}
	if checkpoints := filepath.Join(dir, "ckpt"); c.enters(checkpoints) {
		spares, err := train.Spares(dir, keep)
		if err != nil {
			return nil, err
		}
		for _, s := range spares {
			items = append(items, c.item(s.Path, string(s.Kind), s.Why, func() error { return train.RemoveCheckpoint(s.Path) })...)
		}
	}
	if attempts := filepath.Join(dir, "attempts"); c.enters(attempts) {
		empty, err := record.EmptyAttempts(dir)
		if err != nil {
			return nil, err
		}
		for _, attempt := range empty {
			items = append(items, c.item(attempt, Attempt, "it left nothing", func() error { return os.RemoveAll(attempt) })...)
		}
		for _, attempt := range c.folders(attempts) {
			if !slices.Contains(empty, attempt) {
				temps, err := c.oldTemps(attempt)
				if err != nil {
					return nil, err
				}
				items = append(items, temps...)
			}
		}
	}
	return items, nil
}

// unwanted returns Planned or Orphan for a run that is removed as a whole, else
// nothing. A sweep that is about to start has touched its runs just now.
func (c *collection) unwanted(dir string, held bool) (kind string, err error) {
	if c.unsure != nil || len(c.reached[filepath.Base(dir)]) > 0 {
		return "", nil
	}
	touched, err := record.Touched(dir)
	if err != nil || time.Since(touched) < settled {
		return "", err
	}
	if info, err := os.Stat(dir); err != nil || !held && time.Since(info.ModTime()) < settled {
		return "", err
	}
	if c.Orphans {
		return Orphan, nil
	}
	if never, err := record.NeverStarted(dir); err != nil || !never {
		return "", err
	}
	return Planned, nil
}

// children removes what a sweep needed to start runs that are finished by now,
// and what they said. The logs of failed runs stay.
func (c *collection) children(dir string) error {
	var errs []error
	for _, part := range []struct{ folder, suffix, kind string }{{"logs", ".log", Log}, {"specs", ".toml", Spec}} {
		folder := filepath.Join(dir, part.folder)
		if !c.enters(folder) {
			continue
		}
		errs = append(errs, c.temps(folder))
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, e := range entries {
			id, ok := strings.CutSuffix(e.Name(), part.suffix)
			path := filepath.Join(folder, e.Name())
			if !ok || !record.IsFolderName(id) || !e.Type().IsRegular() || !isOld(e) {
				continue
			}
			run := record.Dir(c.Results, id)
			if r, err := record.Read(run); err != nil || !r.Finished() || record.Held(run) != nil {
				continue // failed, deleted, or at work
			}
			errs = append(errs, c.remove(c.item(path, part.kind, "the run is finished", func() error { return os.Remove(path) })...))
		}
	}
	return errors.Join(errs...)
}

// temps removes the temporary files of killed processes directly below a folder.
func (c *collection) temps(dir string) error {
	items, err := c.oldTemps(dir)
	return errors.Join(err, c.remove(items...))
}

func (c *collection) oldTemps(dir string) (items []Item, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() && atomicfile.IsTemp(e.Name()) && isOld(e) {
			path := filepath.Join(dir, e.Name())
			items = append(items, c.item(path, Temporary, "its writer is gone", func() error { return os.Remove(path) })...)
		}
	}
	return items, err
}

// isOld reports whether nobody has written to a file or folder for long.
func isOld(e fs.DirEntry) bool {
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) >= settled
}

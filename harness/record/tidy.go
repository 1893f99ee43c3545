package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ranklab/internal/atomicfile"
	"ranklab/internal/lockfile"
)

// What tidying up needs to know of run folders, and may do to them.
//
// Lock files are never removed but with their folder: the kernel lets go of a
// lock when its holder dies, so an old file locks nobody out, while removing one
// would let two processes lock two files of the same name.

// Held returns a [*LockedError] while a process writes the run. It changes
// nothing.
func Held(dir string) error {
	if locked(dir) {
		return &LockedError{Dir: dir, PID: holder(filepath.Join(dir, lockFile))}
	}
	return nil
}

// Hold takes the lock of a run folder and begins no attempt: until release is
// called no process can write the run. It fails with a [*LockedError] while one
// does.
func Hold(dir string) (release func() error, err error) {
	l, err := lock(dir)
	if err != nil {
		return nil, err
	}
	return l.Close, nil
}

// Reached returns the experiments whose stored sweeps reach a run, by the name of
// the run's folder: the user's own sweeps and the committed ones. It is an error
// if one of them cannot be read, for it could reach any run.
func Reached(root string) (experiments map[string][]string, err error) {
	experiments = map[string][]string{}
	var errs []error
	for _, folder := range []string{"sweeps", "reference"} {
		files, err := filepath.Glob(filepath.Join(globQuote(root), folder, "*", sweepFile))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			var s Sweep
			err := readJSON(file, &s)
			if err == nil && s.Schema > Schema {
				err = fmt.Errorf("%s: schema %d is newer than this program's %d", file, s.Schema, Schema)
			}
			errs = append(errs, err)
			for _, r := range s.Runs {
				id := ShortID(r.ID)
				experiments[id] = append(experiments[id], filepath.Base(filepath.Dir(file)))
			}
		}
	}
	return experiments, errors.Join(errs...)
}

// NeverStarted reports whether a run folder holds nothing but what a sweep
// writes before it starts the run.
func NeverStarted(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == attemptsDir && e.IsDir():
			attempts, err := os.ReadDir(filepath.Join(dir, name))
			if err != nil || len(attempts) > 0 {
				return false, err
			}
		case e.Type().IsRegular() && (slices.Contains([]string{originFile, estimateFile, lockFile}, name) || atomicfile.IsTemp(name)):
		default:
			return false, nil
		}
	}
	return true, nil
}

// Touched returns when a file of a run folder was last written, but for the lock,
// which is written by whoever holds it. It is the zero time if there is none.
func Touched(dir string) (last time.Time, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return last, err
	}
	for _, e := range entries {
		if e.Name() == lockFile || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return last, err
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last, nil
}

// EmptyAttempts lists the attempts of a run folder that left nothing: no file,
// or files without content. Call it while the run is held.
func EmptyAttempts(dir string) (attempts []string, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, attemptsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		attempt := filepath.Join(dir, attemptsDir, e.Name())
		if !e.IsDir() {
			continue
		}
		files, err := os.ReadDir(attempt)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(files, func(f fs.DirEntry) bool {
			info, err := f.Info()
			return err != nil || !f.Type().IsRegular() || info.Size() > 0
		}) {
			attempts = append(attempts, attempt)
		}
	}
	return attempts, nil
}

// removingPrefix begins the name of a run folder that is being removed. Readers
// pass over it.
const removingPrefix = ".removing-"

// Removing reports whether a folder below runs is what was left of one when its
// removal was interrupted.
func Removing(name string) bool { return strings.HasPrefix(name, removingPrefix) }

// RemoveRun removes the folder of a run below root, with its records. The caller
// holds the run. No origin is added meanwhile, and at no moment is there a part
// of a run.
func RemoveRun(root, name string) error {
	l := lockfile.New(originsLock(root))
	if err := l.Lock(); err != nil {
		return fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	defer l.Close()
	runs := filepath.Join(root, "runs")
	gone := filepath.Join(runs, removingPrefix+name)
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(runs, name), gone); err != nil {
		return err
	}
	return errors.Join(atomicfile.SyncDir(runs), os.RemoveAll(gone))
}

// originsLock is the file whose lock serialises changes of the origins of all
// runs.
func originsLock(root string) string { return filepath.Join(root, "runs", ".origins") }

// IsFolderName reports whether a folder below runs has a name that a run gives.
func IsFolderName(name string) bool {
	return len(name) == idDigits && strings.Trim(name, "0123456789abcdef") == ""
}

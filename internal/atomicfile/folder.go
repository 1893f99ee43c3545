package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// WriteFolder makes the folder at path hold the files that fill writes. They are
// written to a hidden folder beside it first, so that on an error nothing has
// changed. A new or empty folder appears whole, by one rename. In one that holds
// files, those of the same names are replaced, those named stale are removed
// where there is no new one, and the others stay; the file named mark, which
// fill must write, goes before anything else changes and comes back last, so
// that its existence means that the rest is complete. fill writes files, no
// folders.
func WriteFolder(path, mark string, stale []string, fill func(dir string) error) (err error) {
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	switch info, err := os.Stat(path); {
	case err == nil && !info.IsDir():
		return fmt.Errorf("write %s: it is a file, not a folder", path)
	case err == nil: // a link stays where it is
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	tmp := filepath.Join(parent, fmt.Sprintf(".%s%s%016x", filepath.Base(path), tempMark, rand.Uint64()))
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := fill(tmp); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(tmp, mark)); err != nil {
		return fmt.Errorf("write %s: the folder lacks %s", path, mark)
	}
	files, err := os.ReadDir(tmp)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := syncFile(filepath.Join(tmp, f.Name())); err != nil {
			return err
		}
	}
	if err := SyncDir(tmp); err != nil {
		return err
	}
	// Removing it fails where it is not empty.
	if err := os.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(tmp, path); err != nil {
			return err
		}
		return SyncDir(parent)
	}
	if err := os.Remove(filepath.Join(path, mark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := SyncDir(path); err != nil {
		return err
	}
	for _, name := range stale {
		if err := os.Remove(filepath.Join(path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, f := range files {
		if f.Name() != mark {
			if err := os.Rename(filepath.Join(tmp, f.Name()), filepath.Join(path, f.Name())); err != nil {
				return err
			}
		}
	}
	if err := SyncDir(path); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(tmp, mark), filepath.Join(path, mark)); err != nil {
		return err
	}
	return SyncDir(path)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

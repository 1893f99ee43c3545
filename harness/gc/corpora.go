package gc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"ranklab/corpus"
)

// removingPrefix begins the name of a folder of tokens that is being removed.
const removingPrefix = ".removing-"

// corpora removes what nothing in the cache folder leads to any more, each under
// the lock under which it would be built.
func (c *collection) corpora() error {
	errs := []error{c.temps(c.Cache)}
	for _, kind := range []string{corpus.StoredText, corpus.StoredBPE, corpus.StoredNgrams} {
		if dir := filepath.Join(c.Cache, kind); c.enters(dir) {
			errs = append(errs, c.temps(dir))
		}
	}
	for _, dir := range c.folders(filepath.Join(c.Cache, corpus.StoredTokens)) {
		if strings.HasPrefix(filepath.Base(dir), removingPrefix) {
			errs = append(errs, c.remove(c.item(dir, Remains, "", func() error { return os.RemoveAll(dir) })...))
			continue
		}
		errs = append(errs, c.temps(dir))
	}
	stored, err := corpus.Inventory(c.Cache)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, s := range stored {
		if s.Unused == "" {
			continue
		}
		path := filepath.Join(c.Cache, s.Path)
		items := c.item(path, Corpus, s.Unused, func() error { return removeStored(path) })
		if c.DryRun {
			errs = append(errs, c.remove(items...))
			continue
		}
		unlock, ok, err := s.TryLock(c.Cache)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case !ok:
			c.leave(path, "another process is building it")
		default:
			errs = append(errs, c.remove(items...))
		}
		errs = append(errs, unlock())
	}
	return errors.Join(errs...)
}

// removeStored removes a file, or a folder so that there is never a part of it.
func removeStored(path string) error {
	if info, err := os.Lstat(path); err != nil {
		return err
	} else if !info.IsDir() {
		return os.Remove(path)
	}
	gone := filepath.Join(filepath.Dir(path), removingPrefix+filepath.Base(path))
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(path, gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

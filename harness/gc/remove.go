package gc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ranklab/internal/machine"
)

// item describes something that may be removed, with its size. What has gone
// meanwhile is none.
func (c *collection) item(path, kind, why string, remove func() error) []Item {
	bytes, err := machine.BytesBelow(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return []Item{{Path: path, Kind: kind, Why: why, Bytes: bytes, remove: remove}}
}

// remove removes items and reports them, or only reports them.
func (c *collection) remove(items ...Item) error {
	var errs []error
	for _, it := range items {
		if err := c.within(it.Path); err != nil {
			errs = append(errs, err)
			continue
		}
		if !c.DryRun {
			if err := it.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
				continue
			}
		}
		c.report.Removed = append(c.report.Removed, it)
		c.report.Bytes += it.Bytes
	}
	return errors.Join(errs...)
}

// within makes sure, once more, that a path lies below the results or the cache
// folder, not below reference, and that no link leads to it.
func (c *collection) within(path string) error {
	for _, root := range []string{c.Results, c.Cache} {
		rel, err := filepath.Rel(root, path)
		if err != nil || !filepath.IsLocal(rel) || rel == "." {
			continue
		}
		if first, _, _ := strings.Cut(filepath.ToSlash(rel), "/"); root == c.Results && first == "reference" {
			return fmt.Errorf("%s is committed: it is not removed", path)
		}
		for at := path; at != root; at = filepath.Dir(at) {
			if info, err := os.Lstat(at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				return fmt.Errorf("%s is a symbolic link: nothing behind it is removed", at)
			}
		}
		return nil
	}
	return fmt.Errorf("%s lies in neither %s nor %s: it is not removed", path, c.Results, c.Cache)
}

// enters reports whether a folder may be looked into: a link is left alone.
func (c *collection) enters(dir string) bool {
	info, err := os.Lstat(dir)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		c.leave(dir, "a symbolic link, which is not followed")
		return false
	}
	return err == nil && info.IsDir()
}

// folders lists the folders in a folder that may be looked into.
func (c *collection) folders(dir string) (list []string) {
	if !c.enters(dir) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		c.leave(dir, err.Error())
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 && c.enters(path) {
			list = append(list, path)
		}
	}
	return list
}

// leave reports that something was not tidied up, once.
func (c *collection) leave(path, why string) {
	l := Left{path, why}
	for _, old := range c.report.Left {
		if old == l {
			return
		}
	}
	c.report.Left = append(c.report.Left, l)
}

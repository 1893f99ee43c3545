// Package atomicfile replaces files so that a reader, or the next start after
// a crash, sees either the old content or the new one, never a part.
//
// The steps are those a journaling file system needs: write a temporary file
// in the same folder, fsync it, rename it over the target, fsync the folder.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ranklab/internal/failpoint"
)

// tempMark is part of the name of every temporary file, and of no other file.
const tempMark = ".atomic-"

// Write replaces the file at path by data. On an error the temporary file is
// removed and the old file, if any, untouched; unless it is the last step that
// failed: then the new content is there, and may not outlive a power cut.
func Write(path string, data []byte) error {
	return WriteFunc(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFunc replaces the file at path by what fill writes. The writer is
// unbuffered; it is an *os.File, for a fill that needs to seek. When fill
// fails, its error is returned and the old file stays.
func WriteFunc(path string, fill func(w io.Writer) error) (err error) {
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // a second Close is harmless
			os.Remove(f.Name())
		}
	}()
	if err := fill(f); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	failpoint.Here("file written")
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	failpoint.Here("file synced")
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	failpoint.Here("file renamed")
	return SyncDir(filepath.Dir(path))
}

// createTemp makes an empty file beside path. Unlike os.CreateTemp it leaves
// the permissions to the umask, since other people read results too.
func createTemp(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for range 100 {
		name := filepath.Join(dir, TempName(base))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("write %s: no free temporary name", path)
}

// TempName returns a new name for a temporary file beside base.
func TempName(base string) string { return fmt.Sprintf(".%s%s%016x", base, tempMark, rand.Uint64()) }

// IsTemp reports whether a file of that name, without its folder, is a temporary
// one.
func IsTemp(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, tempMark)
}

// SyncDir makes the entries of a folder durable: renames, new and removed
// files.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}

// RemoveTemps deletes the temporary files that killed processes left in dir
// (not below it): those that nobody has written to for an age that no write
// takes, since another process may be replacing a file there.
func RemoveTemps(dir string, age time.Duration) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() && IsTemp(e.Name()) {
			info, err := e.Info()
			if errors.Is(err, os.ErrNotExist) || err == nil && time.Since(info.ModTime()) < age {
				continue
			}
			if err != nil {
				return err
			}
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

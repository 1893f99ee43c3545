package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ranklab/internal/atomicfile"
	"ranklab/internal/bounded"
	"ranklab/internal/lockfile"
)

// lock takes the lock of one thing under construction, shared by all processes
// that use the cache folder. The kernel releases it when its holder dies.
func (o *Options) lock(ctx context.Context, name string) (unlock func(), err error) {
	dir := filepath.Join(o.CacheDir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	l := lockfile.New(filepath.Join(dir, name+".lock"))
	locked, err := l.TryLock()
	if err == nil && !locked {
		o.report(StageWait)(0, 0)
		locked, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	if !locked {
		return nil, fmt.Errorf("lock %s: not available", l.Path())
	}
	return func() { l.Unlock() }, nil // closing the file would do
}

// maxCacheBytes bounds a cached value. The largest holds a byte per document, of
// which all of C4 has 365 million.
const maxCacheBytes = 1 << 30

// loadJSON reads a cached value. A file that is missing, or does not hold such a
// value or not a valid one, reports false: it is built anew.
func loadJSON(path string, v any, valid func() bool) (found bool, err error) {
	data, err := bounded.ReadFile(path, maxCacheBytes)
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*bounded.TooLargeError)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return json.Unmarshal(data, v) == nil && valid(), nil
}

// anything holds every value for valid: who reads it compares it with others.
func anything() bool { return true }

// saveJSON writes a cached value, atomically, and makes its folder.
func saveJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(path, append(data, '\n'))
}

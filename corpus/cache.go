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

	"github.com/gofrs/flock"

	"ranklab/internal/atomicfile"
)

// lock takes the lock of one thing under construction, shared by all processes
// that use the cache folder. The kernel releases it when its holder dies.
func (o *Options) lock(ctx context.Context, name string) (unlock func(), err error) {
	dir := filepath.Join(o.CacheDir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(dir, name+".lock"))
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

// loadJSON reads a cached value. A file that is missing or cannot be read as
// such a value reports false: it is built anew.
func loadJSON(path string, v any) (found bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return json.Unmarshal(data, v) == nil, nil
}

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

package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"ranklab/internal/lockfile"
)

// A LockedError says that another process is writing the run.
type LockedError struct {
	Dir string
	PID int // 0 when unknown
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is being written by %s: wait for it to finish, or stop it and start again", e.Dir, who)
}

// lock takes the lock of a run folder and writes the holder's pid into it. The
// file stays when the lock is released, since removing it would let two
// processes lock two files of the same name.
func lock(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, lockFile)
	l := lockfile.New(path)
	// A reader that asks whether the run is alive holds the lock for an
	// instant, so one refusal is not final.
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	ok, err := l.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		l.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if !ok {
		l.Close()
		return nil, &LockedError{Dir: dir, PID: holder(path)}
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o666); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// holder reads the pid in a lock file; 0 when there is none.
func holder(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}

// locked reports whether a process holds the lock of a run folder, or may hold
// it: a lock file that this user may not read could be anybody's. It creates
// nothing, so that it works on a read-only copy.
func locked(dir string) bool {
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	defer l.Close()
	free, err := l.TryRLock()
	return err == nil && !free || errors.Is(err, fs.ErrPermission)
}

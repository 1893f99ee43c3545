package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ranklab/internal/atomicfile"
	"ranklab/internal/lockfile"
)

// AddOrigin notes that an experiment reaches a run, creating the run's folder
// when it is new. An experiment has one origin per run: a later one replaces
// the earlier. It works while another process trains the run. A damaged
// origin.json is set aside as origin.json.damaged and begun anew: what it held
// comes back when the other experiments are swept again.
func AddOrigin(root, id, numbersID string, o Origin) error {
	if !isID(id) {
		return fmt.Errorf("run id %q: want at least %d hexadecimal digits", id, idDigits)
	}
	dir := Dir(root, id)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := checkID(dir, id); err != nil {
		return err
	}
	// Two sweeps may add to one file at the same time. The run's own lock is
	// taken for as long as the run trains, so this is another one.
	l := lockfile.New(originsLock(root))
	if err := l.Lock(); err != nil {
		return fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	defer l.Close()
	if err := os.MkdirAll(dir, 0o777); err != nil { // it may have been removed while this waited
		return err
	}

	path := filepath.Join(dir, originFile)
	all := Origins{Schema: Schema, ID: id, NumbersID: numbersID}
	var damaged *damagedError
	switch err := readJSON(path, &all); {
	case errors.As(err, &damaged):
		if err := setAside(path); err != nil {
			return err
		}
		all = Origins{Schema: Schema, ID: id, NumbersID: numbersID}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if o.Settings != nil {
		o.Settings = finite(o.Settings).(map[string]any)
	}
	i := slices.IndexFunc(all.Origins, func(old Origin) bool { return old.Experiment == o.Experiment })
	switch {
	case i < 0:
		all.Origins = append(all.Origins, o)
	case sameOrigin(all.Origins[i], o):
		now := time.Now()
		if os.Chtimes(path, now, now) == nil { // the run is still reached
			return nil
		} // another user's file can be replaced, not touched
	default:
		all.Origins[i] = o
	}
	if err := writeJSON(path, all); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(dir))
}

// sameOrigin reports whether an origin that was read is the one that would be written:
// reading makes float64 of every number.
func sameOrigin(read, write Origin) bool {
	a, errA := json.Marshal(read)
	b, errB := json.Marshal(write)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

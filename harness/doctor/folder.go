package doctor

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ranklab/internal/atomicfile"
	"ranklab/internal/lockfile"
	"ranklab/internal/machine"
)

// Below these a folder gets a warning.
const (
	littleDisk = 2 << 30 // two checkpoints of the 130m model, and a third while it is written
	fewFiles   = 1000
	slowSync   = time.Second
)

// folder examines a folder that commands write to. flag names another one. Where
// it does not exist yet, the one that it would be made in stands for it.
func (e *examination) folder(flag, dir string) {
	other := "name another folder: " + flag + " DIR"
	at, err := machine.Existing(dir)
	if err != nil {
		e.find(Finding{Subject: "folder", Level: Failure, Text: err.Error(), Hint: other})
		return
	}
	text := dir
	if at != dir {
		text += ", not there yet; examined in " + at
	}
	e.find(Finding{Subject: "folder", Level: OK, Text: text, Values: map[string]any{"path": dir, "exists": at == dir}})
	e.disk(at)
	took, err := writeAndLock(at)
	switch {
	case errors.As(err, new(notExclusive)):
		e.find(Finding{
			Subject: "locks", Level: Failure, Text: err.Error(),
			Hint: "two processes could train one run at a time and spoil it: " + other + ", on a local disk, or have the file system mounted with locks (nfs: not with nolock; lustre: with flock)",
		})
	case err != nil:
		e.find(Finding{Subject: "files", Level: Failure, Text: err.Error(), Hint: other})
	default:
		f := Finding{
			Subject: "files", Level: OK, Text: fmt.Sprintf("written, made durable and renamed in %.0f ms; a lock keeps a second process out", 1e3*took.Seconds()),
			Values: map[string]any{"seconds": took.Seconds()},
		}
		if took > slowSync {
			f.Level, f.Hint = Warning, "each row of a run's status and each checkpoint waits as long: "+other
		}
		e.find(f)
	}
}

func (e *examination) disk(dir string) {
	d, err := machine.ReadDisk(dir)
	if err != nil {
		e.find(Finding{Subject: "disk", Level: Warning, Text: err.Error()})
		return
	}
	f := Finding{
		Subject: "disk", Level: OK, Text: d.Type,
		Values: map[string]any{"type": d.Type, "total": d.Total, "free": d.Free, "files": d.Files, "network": d.Kind == machine.Network},
	}
	if d.Total > 0 {
		f.Text = fmt.Sprintf("%s free of %s, %s", size(d.Free), size(d.Total), d.Type)
	}
	switch d.Kind {
	case machine.Network:
		f.Level, f.Text = Warning, f.Text+", a network file system"
		f.Hint = "whether its locks hold between two machines cannot be seen from one: do not train into this folder from several at a time unless they do"
	case machine.InMemory:
		f.Level, f.Text, f.Hint = Warning, f.Text+", in memory", "what is stored here is gone after a restart"
	case machine.InUserMode:
		f.Text += ", which may be a network file system"
	}
	switch {
	case d.Total > 0 && d.Free < littleDisk:
		f.Level, f.Hint = Warning, "little room: `ranklab plan` says what an experiment takes, `ranklab gc` frees what is safe to remove"
	case d.Files > 0 && d.Files < fewFiles:
		f.Level, f.Hint = Warning, fmt.Sprintf("it has room for %d more files only", d.Files)
	}
	e.find(f)
}

// A notExclusive error says that locks do not do what they are for.
type notExclusive struct{ error }

// writeAndLock does in a folder what runs rely on: it replaces a file the way
// records are replaced, and locks one. It returns the time of the former. What a
// killed process leaves behind is named as the litter of atomicfile, which is
// cleared away.
func writeAndLock(dir string) (took time.Duration, err error) {
	probe := filepath.Join(dir, atomicfile.TempName("doctor"))
	held := probe + "-lock"
	defer func() {
		for _, path := range []string{probe, held} {
			if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	content := bytes.Repeat([]byte("ranklab\n"), 512)
	began := time.Now()
	if err := atomicfile.Write(probe, content); err != nil {
		return 0, err
	}
	took = time.Since(began)
	if got, err := os.ReadFile(probe); err != nil {
		return 0, err
	} else if !bytes.Equal(got, content) {
		return 0, fmt.Errorf("%s does not hold what was written to it", probe)
	}
	return took, exclusive(held)
}

// exclusive makes sure that of two that open a file only one gets its lock.
func exclusive(path string) error {
	first, second := lockfile.New(path), lockfile.New(path)
	defer first.Close()
	defer second.Close()
	if ok, err := first.TryLock(); err != nil || !ok {
		return notExclusive{fmt.Errorf("files cannot be locked (%w)", cmp.Or(err, errors.New("somebody else holds a lock that is new")))}
	}
	if ok, err := second.TryLock(); err != nil || ok {
		return notExclusive{fmt.Errorf("a locked file can be locked again (%w)", cmp.Or(err, errors.New("no error")))}
	}
	if err := first.Unlock(); err != nil {
		return notExclusive{err}
	}
	if ok, err := second.TryLock(); err != nil || !ok {
		return notExclusive{fmt.Errorf("a lock stays when it is released (%w)", cmp.Or(err, errors.New("still held")))}
	}
	return nil
}

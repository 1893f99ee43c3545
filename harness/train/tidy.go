package train

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/spec"
)

// A Spare is something below the ckpt folder of a run that the run can do
// without.
type Spare struct {
	Path string
	Kind SpareKind
	Why  string
}

// A SpareKind says what it is.
type SpareKind string

// The kinds.
const (
	HalfWritten SpareKind = "half-written checkpoint"
	Damaged     SpareKind = "damaged checkpoint"
	Superseded  SpareKind = "superseded checkpoint"
	Last        SpareKind = "last checkpoint"
)

// Keep says which checkpoints of a run stay.
type Keep uint8

// The choices.
const (
	KeepTwo  Keep = iota // of a run that is to carry on: as many as it keeps itself
	KeepLast             // of a finished run: what an export or a verification starts from
	KeepNone             // not even that
)

// Spares returns what a run with the given folder can do without. As long as one
// checkpoint is to stay, others are spared only for newer ones that have been
// read and found good: their sums are right, and the rows that they count on are
// there. The run must be held, or else what is half written may be in the making.
func Spares(run string, keep Keep) (spares []Spare, err error) {
	dir := CheckpointDir(run)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	spare := func(name string, kind SpareKind, why string) {
		spares = append(spares, Spare{filepath.Join(dir, name), kind, why})
	}
	var aside []string
	for _, e := range entries {
		switch {
		case !e.IsDir():
		case strings.HasPrefix(e.Name(), writingPrefix):
			spare(e.Name(), HalfWritten, "its writer is gone")
		case strings.HasPrefix(e.Name(), damagedPrefix):
			aside = append(aside, e.Name())
		}
	}
	names, err := checkpoints(dir)
	if err != nil {
		return nil, err
	}
	if keep == KeepNone {
		for _, name := range aside {
			spare(name, Damaged, "the run is finished")
		}
		for i, name := range names {
			kind := Superseded
			if i == 0 {
				kind = Last
			}
			spare(name, kind, "the run is finished")
		}
		return spares, nil
	}
	s, err := spec.LoadRun(record.SpecPath(run))
	if err != nil {
		return nil, err
	}
	stay := 1 + s.Train.KeepCheckpoints
	if keep == KeepTwo {
		stay = whileTraining(s.Train)
	}
	if len(aside) == 0 && len(names) <= stay {
		return spares, nil // nothing to judge: no checkpoint need be read
	}
	var good, older []string // the newest good ones, and what is older than all of them
	for _, name := range names {
		if len(good) == stay {
			older = append(older, name)
		} else if usable(run, filepath.Join(dir, name)) == nil {
			good = append(good, name)
		}
	}
	if len(good) == 0 {
		return spares, nil
	}
	for _, name := range aside {
		if byStep(strings.TrimPrefix(name, damagedPrefix), good[0]) <= 0 {
			spare(name, Damaged, good[0]+" is good")
		}
	}
	for _, name := range older {
		spare(name, Superseded, strings.Join(good, " is good, ")+" is good")
	}
	return spares, nil
}

// usable returns what keeps a run from carrying on from a checkpoint.
func usable(run, path string) error {
	pos, err := readPosition(path)
	if err != nil {
		return err
	}
	if err := verify(path, pos); err != nil {
		return err
	}
	return pos.In(run)
}

// RemoveCheckpoint removes what Spares has returned. A checkpoint that is only
// removed in part is one that was only written in part.
func RemoveCheckpoint(path string) error {
	dir, name := filepath.Split(path)
	if strings.HasPrefix(name, writingPrefix) {
		return os.RemoveAll(path)
	}
	torn := filepath.Join(dir, writingPrefix+"removed-"+name)
	if err := os.RemoveAll(torn); err != nil {
		return err
	}
	if err := os.Rename(path, torn); err != nil {
		return err
	}
	return os.RemoveAll(torn)
}

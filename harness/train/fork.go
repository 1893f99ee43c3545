package train

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ranklab/harness/record"
	"ranklab/internal/atomicfile"
)

// CheckpointSteps lists the updates after which a run folder has checkpoints,
// the newest first. They may be damaged.
func CheckpointSteps(runDir string) ([]int, error) {
	names, err := checkpoints(CheckpointDir(runDir))
	if err != nil {
		return nil, err
	}
	var steps []int
	for _, name := range names {
		var step int
		if _, err := fmt.Sscanf(name, goodPrefix+"%d", &step); err == nil {
			steps = append(steps, step)
		}
	}
	return steps, nil
}

// Fork makes below results a run folder that stands where the stored run of
// folder from stood after step updates: with that checkpoint, and the rows
// written before it. [Run] carries on from there. A checkpoint that is damaged
// or lacks rows is an error.
func Fork(from string, step int, results, id string) error {
	source := filepath.Join(from, checkpointDir, fmt.Sprintf(goodPrefix+"%07d", step))
	pos, err := readPosition(source)
	if err == nil {
		err = errors.Join(verify(source, pos), pos.In(from))
	}
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", source, err)
	}
	to := record.Dir(results, id)
	target := filepath.Join(to, checkpointDir, filepath.Base(source))
	if err := os.MkdirAll(target, 0o777); err != nil {
		return err
	}
	if err := record.CopyRows(from, to, pos.Mark); err != nil {
		return err
	}
	for _, name := range []string{modelFile, stateFile, metaFile} {
		if err := linkOrCopy(filepath.Join(source, name), filepath.Join(target, name)); err != nil {
			return err
		}
	}
	return nil
}

// linkOrCopy gives a file that nobody writes to a second name, or where the file
// system cannot, a copy.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	err = atomicfile.WriteFunc(to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	return errors.Join(err, in.Close())
}

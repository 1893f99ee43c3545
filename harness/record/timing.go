package record

import (
	"path/filepath"
	"slices"
)

// Timing reads the timing rows of all attempts, in the order of the attempts.
// There are none where timings were not kept.
func (r Run) Timing() (rows []TimingRow, err error) {
	files, err := filepath.Glob(filepath.Join(globQuote(r.Dir), "attempts", "*", timingFile))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, f := range files {
		name, err := filepath.Rel(r.Dir, f)
		if err != nil {
			return nil, err
		}
		if err := r.lines(name, func(line []byte) error { return appendRow(&rows, line) }); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

package record

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"ranklab/internal/atomicfile"
	"ranklab/internal/memory"
)

// How an estimate of time was made.
const (
	Calibrated = "calibrated" // from timed updates of the run's own shape on this machine
	Rough      = "rough"      // from the arithmetic, at a speed that is assumed
)

// An Estimate is the content of estimate.json: what a run was expected to take
// before its first update. It is no part of the run's identity.
type Estimate struct {
	Schema  int    `json:"schema"`
	How     string `json:"how"`     // Calibrated | Rough
	Threads int    `json:"threads"` // of the run
	// Time is that of the whole run, from update 0, in the parts of a summary.
	Time        Durations                 `json:"time"`
	TotalS      Float                     `json:"total_s"`
	FLOPs       Float                     `json:"flops"`  // arithmetic of all updates, refreshes and evaluations
	Memory      map[memory.Category]int64 `json:"memory"` // predicted bytes as run
	MemoryBytes int64                     `json:"memory_bytes"`
	DiskBytes   int64                     `json:"disk_bytes"` // of the checkpoint that stays
}

// WriteEstimate stores the estimate of a run below a results root. A run that
// has begun keeps the one that it began with: replace is false, and an earlier
// estimate stays. A damaged one counts as none.
func WriteEstimate(root, id string, e Estimate, replace bool) error {
	dir := Dir(root, id)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	path := filepath.Join(dir, estimateFile)
	var old Estimate
	var damaged *damagedError
	switch err := readJSON(path, &old); {
	case err == nil && !replace:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &damaged):
		return err
	}
	e.Schema, e.TotalS = Schema, e.Time.Total()
	if err := writeJSON(path, e); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(dir))
}

package train

import (
	"fmt"

	"ranklab/harness/spec"
)

// maxMetaBytes bounds the file of a position, which has some hundred bytes.
const maxMetaBytes = 1 << 20

// check refuses a position at which no run can have stood, or that is not the
// one that its folder is named after.
func (p position) check(folder string) error {
	if p.Step < 0 || folder != fmt.Sprintf(goodPrefix+"%07d", p.Step) {
		return fmt.Errorf("%s: step %d is not the folder's", metaFile, p.Step)
	}
	if p.TokensSeen < 0 || p.TokensSeen > p.Positions || p.Metrics < 0 || p.Subspace < 0 {
		return fmt.Errorf("%s: %d tokens in %d positions, %d bytes of rows", metaFile, p.TokensSeen, p.Positions, p.Metrics)
	}
	for _, seconds := range []float64{p.TrainS, p.EvalS, p.RefreshS, p.CheckpointS, p.SetupS, p.DiagnosticsS, p.WaitedS} {
		if seconds < 0 {
			return fmt.Errorf("%s: a time of %v seconds", metaFile, seconds)
		}
	}
	if p.Threads < -1 || p.LogEvery < 0 || p.DigestEvery < 0 {
		return fmt.Errorf("%s: %d threads, log_every %d, digest_every %d", metaFile, p.Threads, p.LogEvery, p.DigestEvery)
	}
	return nil
}

// of refuses a position that a run with these settings does not come to.
func (p position) of(t spec.Train) error {
	update := int64(t.TotalBatchSize) * int64(t.MaxLength)
	if p.Step > t.Steps || p.Positions != int64(p.Step)*update {
		return fmt.Errorf("%s: %d positions after %d updates: the run has %d updates of %d positions", metaFile, p.Positions, p.Step, t.Steps, update)
	}
	return nil
}

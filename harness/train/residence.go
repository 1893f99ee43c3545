package train

import (
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/tensor"
)

// GCPercent is for debug.SetGCPercent in a process that trains: nearly all its
// memory lives as long as the run, and by default the collector would let
// garbage double it before it looks.
const GCPercent = 5

// A Residence is the memory of a run in a process of its own: what its ledger
// holds and what the process took. All sizes are bytes.
type Residence struct {
	Predicted  int64  `json:"predicted"`  // what the ledger was predicted to hold
	Ledger     int64  `json:"ledger"`     // every registered buffer
	Steady     int64  `json:"steady"`     // those in use in every update
	Refresh    int64  `json:"refresh"`    // those in use while bases are computed
	Checkpoint int64  `json:"checkpoint"` // those in use while a checkpoint is written
	Base       int64  `json:"base"`       // the process before the run was assembled
	Peak       int64  `json:"peak"`       // the process at its largest; 0: not to be had
	Measure    string `json:"measure"`    // what Peak is: "VmHWM", or the system's nearest
}

// Reside assembles a run that is fed with random tokens and does everything for
// which a training process needs memory: the first update, which computes the
// first bases, another one, an evaluation, and a checkpoint, which is written to
// nowhere. It measures the whole process, so the process does nothing else.
func Reside(s spec.Run, device *tensor.Device) (Residence, error) {
	base, _ := resident()
	prediction, err := Predict(s, device)
	if err != nil {
		return Residence{}, err
	}
	stepper, err := FirstStepper(s, device)
	if err != nil {
		return Residence{}, err
	}
	for range 2 {
		if _, err := stepper.Update(); err != nil {
			return Residence{}, err
		}
	}
	stepper.Evaluate()
	if _, err := stepper.run.stateDigest(); err != nil {
		return Residence{}, err
	}
	l := stepper.run.ledger
	r := Residence{
		Predicted: prediction.Ledger.Total(), Ledger: l.Total(), Steady: l.During(memory.Always), Refresh: l.During(memory.Refresh), Checkpoint: l.During(memory.Checkpoint),
		Base: base, Measure: residentMeasure,
	}
	_, r.Peak = resident()
	return r, nil
}

// Package golden holds small training runs of every method whose every bit is
// known: golden.json has the digests of what they end with. A test of package
// train holds the program against it, and `ranklab doctor` the machine.
package golden

import (
	_ "embed"
	"encoding/json"
)

// known is golden.json.
//
//go:embed golden.json
var known []byte

// A File holds what the runs end with, by the name of their variant.
type File struct {
	NumericsVersion int             `json:"numerics_version"` // of the program that they were trained with
	Wide            map[string]Sums `json:"runs"`
	Tiny            map[string]Sums `json:"tiny"`
	Protocols       map[string]Sums `json:"protocols"`
}

// Sums are the digests of one finished run.
type Sums struct {
	Metrics string `json:"metrics_sha256"` // of metrics.jsonl: every loss of the run
	State   string `json:"state_digest"`   // of every weight and state at its end
}

// Known returns the digests that the runs must end with.
func Known() (f File, err error) {
	err = json.Unmarshal(known, &f)
	return f, err
}

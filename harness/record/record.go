// Package record is the run directory: the one place where a run writes what
// happened, and the one source from which everything else reads it.
//
// A run lives in ROOT/runs/ID12, ID12 being the first 12 hexadecimal digits of
// its run id:
//
//	spec.toml       the resolved run; itself runnable
//	origin.json     which experiments reach this run, under which labels
//	provenance.json the program and the machine, of the first attempt; programs
//	                of later attempts if they differ
//	memory.json     bytes by category, predicted and registered
//	evidence.json   digests of what it started from and was fed with
//	estimate.json   time, memory and disk as estimated before the first update
//	status.json     what the run is doing; replaced at every heartbeat
//	metrics.jsonl   one JSON object per line, deterministic values only
//	digests.jsonl   digests of weights and states every train.digest_every updates
//	subspace.jsonl  what the subspaces looked like, where [diagnostics] asks
//	summary.json    written last: its existence, beside the rows, means done
//	attempts/0001/  one folder per start: log.txt, timing.jsonl, provenance.json
//	ckpt/           checkpoints, owned by the trainer
//
// There is one writer per run, guarded by a lock that the kernel releases when
// the process dies. Readers need no lock: files are replaced atomically, and
// lines are appended whole. Committed results live in
// ROOT/reference/EXPERIMENT/runs/ID12 with the same layout and are never
// written by a run.
package record

import (
	"crypto/sha256"
	"path/filepath"
	"strings"
	"time"

	"ranklab/internal/memory"
)

// Schema is the version of the layout and of the JSON files.
const Schema = 1

// The states of a run. A folder without status is planned; summary.json turns
// a run into done or diverged, whatever the status says.
const (
	Planned     = "planned"
	Running     = "running"
	Interrupted = "interrupted" // stopped or killed; carries on from its last checkpoint
	Failed      = "failed"      // stopped by an error
	Done        = "done"
	Diverged    = "diverged" // a result: the loss left the finite numbers
)

// Names of the files of a run.
const (
	specFile       = "spec.toml"
	originFile     = "origin.json"
	provenanceFile = "provenance.json"
	evidenceFile   = "evidence.json"
	memoryFile     = "memory.json"
	estimateFile   = "estimate.json"
	statusFile     = "status.json"
	metricsFile    = "metrics.jsonl"
	digestsFile    = "digests.jsonl"
	subspaceFile   = "subspace.jsonl"
	summaryFile    = "summary.json"
	timingFile     = "timing.jsonl"
	logFile        = "log.txt"
	lockFile       = "lock"
	attemptsDir    = "attempts"
)

// idDigits is the length of a folder name.
const idDigits = 12

// ShortID returns the part of a run id that names its folder.
func ShortID(id string) string {
	if len(id) > idDigits {
		return id[:idDigits]
	}
	return id
}

// isID reports whether a text can be a run id, or the part of one that names a
// folder: 12 to 64 hexadecimal digits.
func isID(id string) bool {
	return len(id) >= idDigits && len(id) <= 2*sha256.Size && strings.Trim(id, "0123456789abcdef") == ""
}

// Dir returns the folder of a run below a results root.
func Dir(root, id string) string { return filepath.Join(root, "runs", ShortID(id)) }

// SpecPath returns the file of the resolved run in a run's folder.
func SpecPath(dir string) string { return filepath.Join(dir, specFile) }

// An Origins is the content of origin.json: the full identity of the run, and
// everything that asked for it.
type Origins struct {
	Schema    int      `json:"schema"`
	ID        string   `json:"id"`         // run id
	NumbersID string   `json:"numbers_id"` // what determines the numbers
	Origins   []Origin `json:"origins"`
}

// An Origin says how one experiment reaches a run. Nothing in it is identity.
type Origin struct {
	Experiment string         `json:"experiment"`
	Variant    string         `json:"variant"` // name of the method's table
	Kind       string         `json:"kind"`
	Label      string         `json:"label,omitempty"`
	Axes       map[string]any `json:"axes,omitempty"` // swept columns of this run
	Seed       int            `json:"seed"`
	Settings   map[string]any `json:"settings,omitempty"` // every setting, flat: rank, lr, steps, …
}

// A Status is the content of status.json.
type Status struct {
	State     string    `json:"state"`
	Step      int       `json:"step"`  // updates applied
	Total     int       `json:"total"` // updates planned
	Attempt   int       `json:"attempt"`
	PID       int       `json:"pid,omitempty"`
	Heartbeat time.Time `json:"heartbeat"`
	Reason    string    `json:"reason,omitempty"` // why it stopped
}

// A Memory is the content of memory.json: the ledger of the run, predicted and
// registered (the actual column), the other two columns, and what its process
// really took. All sizes are bytes.
type Memory struct {
	Schema     int                       `json:"schema"`
	Predicted  map[memory.Category]int64 `json:"predicted"`
	Registered map[memory.Category]int64 `json:"registered"`
	// Of the registered bytes: those in use in every update, and in the largest
	// moment of a refresh and of writing a checkpoint.
	SteadyBytes     int64          `json:"steady_bytes,omitempty"`
	RefreshBytes    int64          `json:"refresh_bytes,omitempty"`
	CheckpointBytes int64          `json:"checkpoint_bytes,omitempty"`
	ExactBF16       *ExactBF16     `json:"exact_bf16,omitempty"`
	Paper           *Paper         `json:"paper,omitempty"`
	Measured        *Measured      `json:"measured,omitempty"`
	Entries         []memory.Entry `json:"entries,omitempty"`
}

// An ExactBF16 is the memory of the run's method by closed formula, 2 bytes per
// value: weights with adapters, states with projectors.
type ExactBF16 struct {
	Weights   int64 `json:"weights"`
	Gradients int64 `json:"gradients"`
	States    int64 `json:"states"`
}

// A Paper is the memory by the rule behind the column of 2403.03507, Tables 2
// and 6.
type Paper struct {
	Weights int64 `json:"weights"`
	States  int64 `json:"states"`
}

// Measured is the memory of the process of a run; of several attempts, the
// largest peak.
type Measured struct {
	Measure   string      `json:"measure"`    // what it is: "VmHWM", the peak resident size, or the system's nearest
	BaseBytes int64       `json:"base_bytes"` // before the run was assembled: program, runtime, opened data
	PeakBytes int64       `json:"peak_bytes"`
	PeakStep  int         `json:"peak_step"` // updates applied when it first came within 1 % of the peak
	PeakPhase string      `json:"peak_phase"`
	RSS       []RSSSample `json:"rss,omitempty"` // along the run, a few hundred at most
}

// An RSSSample is the resident size at the end of a phase: "set-up", "update",
// "evaluation" or "checkpoint".
type RSSSample struct {
	Step  int    `json:"step"`
	Phase string `json:"phase"`
	Bytes int64  `json:"bytes"`
}

// A Summary is the content of summary.json, the result of a finished run.
type Summary struct {
	Schema      int     `json:"schema"`
	ID          string  `json:"id"`
	NumbersID   string  `json:"numbers_id"`
	State       string  `json:"state"` // Done | Diverged
	Reason      string  `json:"reason,omitempty"`
	Steps       int     `json:"steps"`
	TokensSeen  int64   `json:"tokens_seen"`
	Positions   int64   `json:"positions"`
	Epochs      Float   `json:"epochs"`
	Final       EvalRow `json:"final"` // the newest; see [EvalRow.Evaluated]
	Best        EvalRow `json:"best"`
	StateDigest string  `json:"state_digest"` // SHA-256 of weights and method state
	Attempts    int     `json:"attempts,omitempty"`

	// Select is the evaluation of the result on the selection set; nil if the run
	// has none (eval.select_tokens).
	Select *EvalRow `json:"select,omitempty"`

	Time            Durations                 `json:"time"`
	TokensPerSecond Float                     `json:"tokens_per_second"`
	Threads         int                       `json:"threads"`                    // 0: not the same in all attempts
	FLOPs           Float                     `json:"flops"`                      // arithmetic of all updates, as planned
	PeakBytes       int64                     `json:"peak_bytes"`                 // measured peak of the process; 0 = not measured
	PeakMeasure     string                    `json:"peak_measure,omitempty"`     // what PeakBytes is: "VmHWM", or the system's nearest
	CheckpointBytes int64                     `json:"checkpoint_bytes,omitempty"` // of the last checkpoint's files; 0 = there is none
	Memory          map[memory.Category]int64 `json:"memory"`                     // registered, bytes as run
}

// Durations says where the time of a run went, in seconds over all attempts: up
// to the checkpoint that the next attempt carried on from, and after it.
type Durations struct {
	TrainS   Float `json:"train_s"`
	EvalS    Float `json:"eval_s"`
	RefreshS Float `json:"refresh_s"` // part of TrainS spent on new projectors, merges and resets
	// CheckpointS is the time of writing checkpoints and of the final digest. Old
	// records do not say, and neither do they of SetupS: 0.
	CheckpointS Float `json:"checkpoint_s,omitempty"`
	// SetupS is the time from the start of an attempt to its first update,
	// without the preparation of the corpus.
	SetupS Float `json:"setup_s,omitempty"`
	// DiagnosticsS is the time that [diagnostics] took.
	DiagnosticsS Float `json:"diagnostics_s,omitempty"`
	// WaitedS is no part of the total: for how long, summed over its threads, the
	// process was ready to compute while other threads had the processors. 0 where
	// the system does not tell, and in old records.
	WaitedS Float `json:"waited_s,omitempty"`
}

// Total is the time of the whole run.
func (d Durations) Total() Float {
	return d.TrainS + d.EvalS + d.CheckpointS + d.SetupS + d.DiagnosticsS
}

// Waiting returns the share of the run's time in which its threads waited for a
// processor, on average; 0 where that is not known.
func (s Summary) Waiting() float64 {
	if s.Threads == 0 || s.Time.Total() == 0 {
		return 0
	}
	return float64(s.Time.WaitedS/s.Time.Total()) / float64(s.Threads)
}

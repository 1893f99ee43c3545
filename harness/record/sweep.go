package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ranklab/internal/safename"
)

// A Sweep is the content of ROOT/sweeps/EXPERIMENT/sweep.json: what it takes
// to draw an experiment again without its TOML file and its corpus.
type Sweep struct {
	Schema     int        `json:"schema"`
	Experiment string     `json:"experiment"`
	Title      string     `json:"title,omitempty"`
	Question   string     `json:"question,omitempty"`  // what the experiment asks, in a sentence or two
	Overrides  []string   `json:"overrides,omitempty"` // -S options that the experiment's file does not hold
	Runs       []SweepRun `json:"runs"`                // in the order of the experiment
	// Baselines are count-based models of the same data, the simplest first.
	Baselines  []Baseline `json:"baselines,omitempty"`
	DataDigest string     `json:"data_digest,omitempty"`
	// Reference says that committed runs stand for runs of this sweep. Otherwise
	// only the user's own do.
	Reference bool `json:"reference,omitempty"`
	// Rates says where the learning rate of each method comes from, if one of them
	// was tuned.
	Rates []Rate `json:"rates,omitempty"`
	// Committed is set by ReadSweep: the sweep itself is a committed one.
	Committed bool `json:"-"`
	// Figures and Tables hold the declarations as package view writes them.
	Figures json.RawMessage `json:"figures,omitempty"`
	Tables  json.RawMessage `json:"tables,omitempty"`
	// So do Claims, Contract and References.
	Claims     json.RawMessage `json:"claims,omitempty"`
	Contract   json.RawMessage `json:"contract,omitempty"`
	References json.RawMessage `json:"references,omitempty"`
}

// OverrideNote says which overrides the sweep was made with: "with -S
// train.steps=4". It is empty when there were none.
func (s Sweep) OverrideNote() string {
	var options []string
	for _, o := range s.Overrides {
		options = append(options, "-S "+o)
	}
	if len(options) == 0 {
		return ""
	}
	return "with " + strings.Join(options, " ")
}

// A SweepRun is one run of a sweep, named as the experiment names it.
type SweepRun struct {
	ID      string         `json:"id"`
	Label   string         `json:"label,omitempty"`
	Variant string         `json:"variant"` // name of the method's table
	Axes    map[string]any `json:"axes,omitempty"`
	Seed    int            `json:"seed"`
	Stage   string         `json:"stage,omitempty"`  // Tune: a trial, no result
	Chosen  bool           `json:"chosen,omitempty"` // of trials: its rate is the one that was chosen
}

// A Baseline is the loss of a count-based model on the evaluation set.
type Baseline struct {
	Name        string `json:"name"` // "unigram", "bigram", "trigram"
	Loss        Float  `json:"loss"` // nats per token
	PPL         Float  `json:"ppl"`
	BitsPerByte Float  `json:"bits_per_byte"`
}

const sweepFile = "sweep.json"

// ErrNoResults says that an experiment has no sweep file.
var ErrNoResults = errors.New("no results")

// WriteSweep writes the sweep file of an experiment below a results root.
func WriteSweep(root string, s Sweep) error {
	if err := checkExperiment(s.Experiment); err != nil {
		return err
	}
	s.Schema = Schema
	dir := filepath.Join(root, "sweeps", s.Experiment)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, sweepFile), s)
}

// ReadSweep reads the sweep file of an experiment: the user's own, else the
// one committed below ROOT/reference. When there is none, the error lists the
// experiments there are.
func ReadSweep(root, experiment string) (Sweep, error) {
	var s Sweep
	if err := checkExperiment(experiment); err != nil {
		return s, err
	}
	own, committed := filepath.Join(root, "sweeps", experiment), referenceDir(root, experiment)
	for _, dir := range []string{own, committed} {
		err := readJSON(filepath.Join(dir, sweepFile), &s)
		s.Committed = dir == committed
		switch path := filepath.Join(dir, sweepFile); {
		case err == nil && s.Schema > Schema:
			err = fmt.Errorf("%s: schema %d is newer than this program's %d", path, s.Schema, Schema)
		case err == nil && s.Experiment != experiment:
			err = fmt.Errorf("%s: is of experiment %q, not of the folder's", path, s.Experiment)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
	}
	known, err := Experiments(root)
	if err != nil {
		return s, err
	}
	if len(known) == 0 {
		return s, fmt.Errorf("%w of experiment %q: %s holds none yet (ranklab sweep makes them)", ErrNoResults, experiment, root)
	}
	return s, fmt.Errorf("%w of experiment %q in %s; there are: %s", ErrNoResults, experiment, root, strings.Join(known, ", "))
}

// checkExperiment refuses a name that would not be one folder below sweeps.
func checkExperiment(name string) error {
	if !safename.Valid(name) {
		return fmt.Errorf("experiment %q: a name consists of letters, digits, dots, hyphens and underscores", name)
	}
	return nil
}

// Stored returns the runs below root that may stand for runs of the sweep.
func (s Sweep) Stored(root string) ([]Run, error) {
	if s.Committed || s.Reference {
		return List(root)
	}
	return Own(root)
}

// Experiments lists the experiments with a sweep file below root, sorted.
func Experiments(root string) ([]string, error) {
	var names []string
	for _, folder := range []string{"sweeps", "reference"} {
		files, err := filepath.Glob(filepath.Join(globQuote(root), folder, "*", sweepFile))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			names = append(names, filepath.Base(filepath.Dir(f)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func referenceDir(root, experiment string) string {
	return filepath.Join(root, "reference", experiment)
}

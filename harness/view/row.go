package view

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/internal/memory"
)

// missing is a result that a run does not have.
var missing = math.NaN()

// A Row is one finished run of an experiment as flat columns.
type Row struct {
	ID       string
	Label    string         // the experiment's name for the run
	Method   string         // name of the method's table
	Kind     string         // kind of the method
	Seed     int            //
	Stage    string         // record.Tune: a trial, by which a rate was chosen; "" for results
	Chosen   bool           // of trials: the one whose rate was chosen
	Diverged bool           // a result, but not one to average
	Machine  string         // what its times were measured on; "" = not known
	Settings map[string]any // every other setting and axis, as plain values
	Part     map[string]any // of a row that stands for a part of the run: which part, as plain values
	Results  map[string]float64
	Memory   map[memory.Category]int64
	RSS      []record.RSSSample // resident size of the process along the run
	Warnings []stats.Warning    // what a reader of its results must know
	Evidence *record.Evidence   // what it started from and was fed with; nil if not recorded
	// Metrics reads the rows along the run.
	Metrics func() (record.Metrics, error)
	// Subspace reads what was seen of its subspaces; nil or no rows: nothing.
	Subspace func() ([]record.SubspaceRow, error)
	// Timing reads when updates were done; nil, or without rows, where that was
	// not kept.
	Timing func() ([]record.TimingRow, error)
}

// Rows returns the finished runs of a sweep in its order, and the entries of
// the sweep that have no result among runs yet. Trials are not among them: see
// [Trials].
func Rows(s record.Sweep, runs []record.Run) (rows []Row, pending []record.SweepRun) {
	return rowsOf(s, s.Reported(), runs)
}

func rowsOf(s record.Sweep, list []record.SweepRun, runs []record.Run) (rows []Row, pending []record.SweepRun) {
	for _, sr := range list {
		r, err := record.Find(runs, sr.ID)
		if err != nil || !r.Finished() {
			pending = append(pending, sr)
			continue
		}
		rows = append(rows, newRow(s.Experiment, sr, r))
	}
	return rows, pending
}

// RowOf returns a finished run as its own row, under the name of the first
// experiment that reached it.
func RowOf(r record.Run) (Row, error) {
	if !r.Finished() {
		return Row{}, fmt.Errorf("run %s has no result yet: it is %s", record.ShortID(r.ID), r.State())
	}
	sr := record.SweepRun{ID: r.ID}
	experiment := ""
	if len(r.Origins) > 0 {
		o := r.Origins[0]
		experiment = o.Experiment
		sr.Label, sr.Variant, sr.Axes, sr.Seed = o.Label, o.Variant, o.Axes, o.Seed
	}
	return newRow(experiment, sr, r), nil
}

func newRow(experiment string, sr record.SweepRun, r record.Run) Row {
	row := Row{
		ID: r.ID, Label: sr.Label, Method: sr.Variant, Seed: sr.Seed, Stage: sr.Stage, Chosen: sr.Chosen,
		Diverged: r.State() == record.Diverged,
		Machine:  machineOf(r.Provenance),
		Settings: make(map[string]any),
		Results:  make(map[string]float64),
		Memory:   r.Summary.Memory,
		Evidence: r.Evidence,
		Metrics:  r.Metrics,
		Subspace: r.Subspace,
		Timing:   r.Timing,
	}
	if m := r.Measured(); m != nil {
		row.RSS = m.RSS
	}
	// The settings of a run are the same whichever experiment reaches it.
	o, ok := r.Origin(experiment)
	if !ok && len(r.Origins) > 0 {
		o = r.Origins[0]
	}
	row.reached(o.Kind, o.Settings, sr.Axes)
	if r.Provenance != nil {
		row.Settings["corpus_digest"] = r.Provenance.CorpusDigest
		row.Settings["tokenizer_digest"] = r.Provenance.TokenizerDigest
		if d := r.Provenance.InitDigest; d != "" {
			row.Settings["init_digest"] = d
		}
	}
	for _, m := range metrics() {
		row.Results[m.Name] = m.value(r)
	}
	return row
}

// reached fills in the settings of a run as an experiment reaches it.
func (r *Row) reached(kind string, settings, axes map[string]any) {
	r.Kind = kind
	for name, value := range settings {
		if !beside(name) {
			r.Settings[name] = plain(value)
		}
	}
	for name, value := range axes {
		r.Settings[name] = plain(value)
	}
}

// Planned adds the settings of a run that has no results yet: what is known before
// it is trained.
func (r Row) Planned(settings, axes map[string]any) Row {
	r.Settings = make(map[string]any)
	r.reached(r.Kind, settings, axes)
	return r
}

// beside reports whether a setting stands beside what makes a run the one it
// is: runs that differ in nothing else are the same run. Records leave such
// settings out, except old ones, and an experiment may still sweep one.
func beside(name string) bool {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return slices.Contains([]string{"log_every", "checkpoint_every", "keep_checkpoints", "digest_every", "preset", "paths", "tokenizer_model"}, name)
}

// Value returns a column of the row by name: nil when the row has none, else a
// bool, float64 or string.
func (r Row) Value(name string) any {
	switch name {
	case "method":
		return r.Method
	case "kind":
		return r.Kind
	case "label":
		return r.Label
	case "seed":
		return float64(r.Seed)
	}
	if v, ok := r.Part[name]; ok {
		return v
	}
	if v, ok := r.Settings[r.settingKey(name)]; ok {
		return v
	}
	if v, ok := r.Results[name]; ok && !math.IsNaN(v) {
		return v
	}
	return nil
}

// settingKey finds the setting that a name means: itself, or the one dotted
// key that ends in it ("steps" for "train.steps"), or the other way round.
func (r Row) settingKey(name string) string {
	if _, ok := r.Settings[name]; ok {
		return name
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		if _, ok := r.Settings[name[i+1:]]; ok {
			return name[i+1:]
		}
	}
	found := ""
	for key := range r.Settings {
		if strings.HasSuffix(key, "."+name) {
			if found != "" {
				return name // ambiguous
			}
			found = key
		}
	}
	return found
}

// columnsOf lists the names that mean something for at least one row, sorted.
func columnsOf(rows []Row) []string {
	names := map[string]bool{"method": true, "kind": true, "label": true, "seed": true}
	for _, r := range rows {
		for name := range r.Settings {
			names[name] = true
		}
		for name := range r.Part {
			names[name] = true
		}
	}
	for _, m := range metrics() {
		names[m.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// An AbsentError says that no run has a column or a value of one. While runs of
// a sweep are pending it may yet come.
type AbsentError struct{ text string }

func (e *AbsentError) Error() string { return e.text }

// onlyAbsent reports whether err says nothing but that something is absent.
func onlyAbsent(err error) bool {
	switch e := err.(type) {
	case *AbsentError:
		return true
	case interface{ Unwrap() error }:
		return onlyAbsent(e.Unwrap())
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !onlyAbsent(err) })
	}
	return false
}

// checkColumn reports a column that no row has, with the nearest one there is,
// as an [*AbsentError].
func checkColumn(name string, rows []Row) error {
	for _, r := range rows {
		if r.Value(name) != nil {
			return nil
		}
	}
	known := columnsOf(rows)
	if slices.Contains(known, name) {
		return nil // a result that no run measured
	}
	hint, nearest := "", 3
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d < nearest {
			hint, nearest = fmt.Sprintf(": did you mean %q?", k), d
		}
	}
	return &AbsentError{fmt.Sprintf("no run has a column %q%s", name, hint)}
}

// filter returns the rows that have every column of where with an accepted
// value. Notes name the values of a list that no returned row has. When there
// is no row to return, the error is made of [*AbsentError] alone.
func filter(rows []Row, where map[string]any) (kept []Row, notes []string, err error) {
	var errs []error
	all := rows
	for _, name := range slices.Sorted(maps.Keys(where)) {
		if err := checkColumn(name, all); err != nil {
			errs = append(errs, fmt.Errorf("where: %w", err))
			continue
		}
		values := accepted(where[name])
		var have []any
		var kept []Row
		for _, r := range rows {
			v := r.Value(name)
			have = append(have, v)
			if slices.Contains(values, v) {
				kept = append(kept, r)
			}
		}
		if len(kept) == 0 && len(rows) > 0 {
			errs = append(errs, &AbsentError{fmt.Sprintf("where: no finished run has %s = %s (there are %s)", name, Format(where[name]), formatList(distinct(have)))})
		}
		rows = kept
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	for _, name := range slices.Sorted(maps.Keys(where)) {
		if absent := absentValues(rows, name, where[name]); len(absent) > 0 {
			notes = append(notes, fmt.Sprintf("no finished run for %s = %s, so not shown", name, formatList(absent)))
		}
	}
	return rows, notes, nil
}

// absentValues lists the items of a list in where that no row has.
func absentValues(rows []Row, name string, where any) []any {
	values := accepted(where)
	list, items := values[0], values[1:]
	var absent []any
	for _, item := range items {
		if !slices.ContainsFunc(rows, func(r Row) bool { v := r.Value(name); return v == item || v == list }) {
			absent = append(absent, item)
		}
	}
	return absent
}

func formatList(values []any) string {
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = Format(v)
	}
	return strings.Join(text, ", ")
}

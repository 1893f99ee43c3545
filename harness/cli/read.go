package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/report"
	"ranklab/harness/spec"
	"ranklab/harness/view"
	"ranklab/internal/atomicfile"
	"ranklab/plots"
)

// The commands of this file read stored results and train nothing.

// A jsonArg selects JSON instead of text.
type jsonArg struct {
	JSON bool `name:"json" help:"Print JSON for a program to read."`
}

func (j jsonArg) format() string {
	if j.JSON {
		return report.JSON
	}
	return report.Text
}

type statusCmd struct {
	Experiment string `arg:"" optional:"" help:"Experiment file or name. Default: every stored run."`
	jsonArg    `embed:""`
}

func (c statusCmd) Run(v *env) error {
	if c.Experiment == "" {
		runs, err := record.List(v.results)
		if err != nil {
			return err
		}
		return report.WriteStatus(v.stdout, runs, nil, time.Now(), c.format())
	}
	sweep, err := v.sweep(c.Experiment)
	if err != nil {
		return err
	}
	runs, err := sweep.Stored(v.results)
	if err != nil {
		return err
	}
	return report.WriteStatus(v.stdout, runs, &sweep, time.Now(), c.format())
}

type showCmd struct {
	ID      string `arg:"" name:"run" help:"Id of a run, or the first digits of it."`
	jsonArg `embed:""`
}

func (c showCmd) Run(v *env) error {
	runs, err := v.find(c.ID)
	if err != nil {
		return err
	}
	return report.WriteRun(v.stdout, runs[0], c.format())
}

type compareCmd struct {
	Runs    []string `arg:"" name:"run" help:"Ids of two or more runs, or the first digits of them."`
	jsonArg `embed:""`
}

func (c compareCmd) Run(v *env) error {
	runs, err := v.find(c.Runs...)
	if err != nil {
		return err
	}
	return report.WriteComparison(v.stdout, runs, c.format())
}

// find looks runs up by the first digits of their ids.
func (v *env) find(ids ...string) ([]record.Run, error) {
	all, err := record.List(v.results)
	if err != nil {
		return nil, err
	}
	var runs []record.Run
	var errs []error
	for _, id := range ids {
		run, err := record.Find(all, id)
		runs, errs = append(runs, run), append(errs, err)
	}
	return runs, errors.Join(errs...)
}

// A storedArg names an experiment with stored results.
type storedArg struct {
	Experiment string `arg:"" help:"Experiment file or name." default:"experiments/quick.toml"`
}

type tableCmd struct {
	storedArg `embed:""`
	Format    string `short:"f" help:"One of ${enum}." enum:"text,markdown,latex,csv,json" default:"text"`
	jsonArg   `embed:""`
}

func (c tableCmd) Run(v *env) error {
	sweep, rows, err := v.rows(c.Experiment)
	if err != nil {
		return err
	}
	format := c.Format
	if c.JSON {
		format = report.JSON
	}
	return report.WriteTables(v.stdout, sweep, rows, format)
}

type figuresCmd struct {
	storedArg `embed:""`
	Output    string `short:"o" help:"Folder to write to. Default: RESULTS/figures/EXPERIMENT." type:"path" placeholder:"DIR"`
}

func (c figuresCmd) Run(v *env) error {
	sweep, err := v.sweep(c.Experiment)
	if err != nil {
		return err
	}
	dir := c.Output
	if dir == "" {
		dir = filepath.Join(v.results, "figures", sweep.Experiment)
	}
	rows, err := v.rowsOf(sweep)
	if err != nil && len(sweep.Trials()) > 0 { // those have a figure of their own
		fmt.Fprintf(v.stderr, "note: %v\n", err)
		return v.trialFigures(dir, sweep)
	}
	if err != nil {
		return err
	}
	return v.figures(dir, sweep, rows)
}

// sweep reads the stored sweep of an experiment, named by its file or by its
// name. Declarations of figures and tables, and the question, are taken from the file where it
// can be read: they may have changed since, and never change a run.
func (v *env) sweep(experiment string) (record.Sweep, error) {
	if !spec.Exists(experiment) {
		return record.ReadSweep(v.results, strings.TrimSuffix(filepath.Base(experiment), ".toml"))
	}
	e, err := spec.Load(experiment, nil)
	if err != nil {
		return record.Sweep{}, err
	}
	sweep, err := record.ReadSweep(v.results, e.Name)
	if err != nil {
		return sweep, err
	}
	sweep.Question = e.Question
	return sweep, e.Declare(&sweep)
}

// rows reads the finished runs of an experiment, and says which are missing.
func (v *env) rows(experiment string) (record.Sweep, []view.Row, error) {
	sweep, err := v.sweep(experiment)
	if err != nil {
		return sweep, nil, err
	}
	rows, err := v.rowsOf(sweep)
	return sweep, rows, err
}

func (v *env) rowsOf(sweep record.Sweep) ([]view.Row, error) {
	runs, err := sweep.Stored(v.results)
	if err != nil {
		return nil, err
	}
	rows, pending := view.Rows(sweep, runs)
	if len(pending) > 0 {
		fmt.Fprintf(v.stderr, "%d of %d runs are not finished and left out\n", len(pending), len(sweep.Reported()))
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no run of %q is finished yet", sweep.Experiment)
	}
	return rows, nil
}

// show prints the tables of a sweep, stores them, and draws its figures.
func (v *env) show(sweep record.Sweep) error {
	rows, err := v.rowsOf(sweep)
	if err != nil {
		if v.ctx.Err() != nil {
			return nil // stopped before the first result
		}
		return err
	}
	dir := filepath.Join(v.results, "tables", sweep.Experiment)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	errs := []error{report.WriteTables(v.stdout, sweep, rows, report.Text), promises(v.stdout, dir, sweep, rows)}
	errs = append(errs,
		writeTables(filepath.Join(dir, "tables.md"), sweep, rows, report.Markdown),
		writeTables(filepath.Join(dir, "tables.tex"), sweep, rows, report.LaTeX),
		writeTables(filepath.Join(dir, "tables.csv"), sweep, rows, report.CSV),
		v.figures(filepath.Join(v.results, "figures", sweep.Experiment), sweep, rows),
	)
	return errors.Join(errs...)
}

func writeTables(path string, sweep record.Sweep, rows []view.Row, format string) error {
	return atomicfile.WriteFunc(path, func(w io.Writer) error { return report.WriteTables(w, sweep, rows, format) })
}

func (v *env) figures(dir string, sweep record.Sweep, rows []view.Row) error {
	declared, err := view.Declared(sweep)
	if err != nil {
		return err
	}
	results, _ := splitFigures(sweep, declared.Figures)
	paths, notes, err := plots.WriteFigures(dir, withFigures(declared, results), rows, len(sweep.Reported())-len(rows))
	for _, p := range paths {
		fmt.Fprintln(v.stderr, "wrote "+p)
	}
	for _, note := range notes {
		fmt.Fprintln(v.stderr, "note: "+note)
	}
	return errors.Join(err, v.trialFigures(dir, sweep))
}

// trialFigures draws the figures of the trials of a sweep.
func (v *env) trialFigures(dir string, sweep record.Sweep) error {
	declared, err := view.Declared(sweep)
	if err != nil {
		return err
	}
	_, figures := splitFigures(sweep, declared.Figures)
	if len(figures) == 0 {
		return nil
	}
	if len(sweep.Trials()) == 0 {
		for _, f := range figures {
			fmt.Fprintf(v.stderr, "note: figure %q is not drawn: no learning rate was tuned for this experiment\n", f.ID)
		}
		return nil
	}
	runs, err := sweep.Stored(v.results)
	if err != nil {
		return err
	}
	trials, missing := view.Trials(sweep, runs)
	paths, notes, err := plots.WriteFigures(dir, withFigures(declared, figures), trials, len(missing))
	for _, p := range paths {
		fmt.Fprintln(v.stderr, "wrote "+p)
	}
	for _, note := range notes {
		fmt.Fprintln(v.stderr, "note: "+note)
	}
	return err
}

// splitFigures tells figures of results from those of trials. Trials of which no
// figure is declared have one all the same.
func splitFigures(sweep record.Sweep, figures []view.Figure) (results, ofTrials []view.Figure) {
	for _, f := range figures {
		if f.Source == view.TuneSource {
			ofTrials = append(ofTrials, f)
		} else {
			results = append(results, f)
		}
	}
	if f := view.SensitivityFigure(); len(ofTrials) == 0 && len(sweep.Trials()) > 0 && !slices.ContainsFunc(results, func(r view.Figure) bool { return r.ID == f.ID }) {
		ofTrials = append(ofTrials, f)
	}
	return results, ofTrials
}

type publishCmd struct {
	Experiment string `arg:"" help:"Experiment file or name."`
}

func (c publishCmd) Run(v *env) error {
	sweep, rows, err := v.rows(c.Experiment)
	if err != nil {
		return err
	}
	if err := record.WriteSweep(v.results, sweep); err != nil {
		return err
	}
	n, err := record.Publish(v.results, sweep.Experiment)
	if err != nil {
		return err
	}
	dir := filepath.Join(v.results, "reference", sweep.Experiment)
	fmt.Fprintf(v.stderr, "published %d runs to %s\n", n, dir)
	return errors.Join(
		writeTables(filepath.Join(dir, "tables.md"), sweep, rows, report.Markdown),
		writeTables(filepath.Join(dir, "tables.tex"), sweep, rows, report.LaTeX),
		writeTables(filepath.Join(dir, "tables.csv"), sweep, rows, report.CSV),
		promises(io.Discard, dir, sweep, rows),
		v.figures(dir, sweep, rows),
	)
}

func withFigures(d view.Declarations, figures []view.Figure) view.Declarations {
	d.Figures = figures
	return d
}

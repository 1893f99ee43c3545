package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"ranklab/harness/record"
)

// WriteStatus lists runs with their state as Text, Markdown or JSON. With a
// sweep it lists the runs of the sweep, in its order and under its labels,
// wherever their results come from; those that are not among runs are planned.
// Without one it lists every run under its first experiment. Ages are reckoned
// from now.
func WriteStatus(w io.Writer, runs []record.Run, sweep *record.Sweep, now time.Time, format string) error {
	format, err := checkFormat(format, Text, Markdown, JSON)
	if err != nil {
		return err
	}
	list := []runJSON{}
	s := sheet{header: []string{"id", "experiment", "run", "state", "seed", "progress", "ppl", "last sign of life"}, text: 4}
	var problems []string
	for _, e := range statusEntries(runs, sweep) {
		out := asJSON(e.run)
		out.Entry = e.entry
		list = append(list, out)
		s.rows = append(s.rows, statusLine(e.run, e.origin, now))
		if e.run.Problem != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", record.ShortID(e.run.ID), e.run.Problem))
		}
	}
	if format == JSON {
		return writeJSON(w, list)
	}
	if len(s.rows) == 0 {
		what := "no runs stored yet"
		if sweep != nil {
			what = fmt.Sprintf("the sweep of experiment %q has no runs", sweep.Experiment)
		}
		_, err := fmt.Fprintln(w, what)
		return err
	}
	if err := s.write(w, format); err != nil {
		return err
	}
	for _, p := range problems {
		if _, err := fmt.Fprintln(w, "problem: "+printable(strings.ReplaceAll(p, "\n", "; "))); err != nil {
			return err
		}
	}
	return nil
}

// A statusEntry is one line of the list.
type statusEntry struct {
	run    record.Run
	origin record.Origin    // what the line calls the run
	entry  *record.SweepRun // nil without a sweep
}

func statusEntries(runs []record.Run, sweep *record.Sweep) []statusEntry {
	var list []statusEntry
	if sweep == nil {
		for _, r := range runs {
			e := statusEntry{run: r}
			if len(r.Origins) > 0 {
				e.origin = r.Origins[0]
			}
			list = append(list, e)
		}
		return list
	}
	for _, sr := range sweep.Runs {
		r, err := record.Find(runs, sr.ID)
		if err != nil {
			r = record.Run{ID: sr.ID} // nothing stored: planned
		}
		list = append(list, statusEntry{
			run:    r,
			origin: record.Origin{Experiment: sweep.Experiment, Variant: sr.Variant, Label: staged(sr), Axes: sr.Axes, Seed: sr.Seed},
			entry:  &sr,
		})
	}
	return list
}

// staged returns the label of a run, with its stage if it is no result.
func staged(sr record.SweepRun) string {
	if sr.Stage == "" {
		return sr.Label
	}
	return sr.Stage + ": " + sr.Label
}

func statusLine(r record.Run, o record.Origin, now time.Time) []string {
	progress, ppl, heard := nothing, nothing, nothing
	if r.Status != nil {
		progress = fmt.Sprintf("%d/%d", r.Status.Step, r.Status.Total)
		if !r.Status.Heartbeat.IsZero() && !r.Finished() {
			heard = age(now.Sub(r.Status.Heartbeat))
		}
	}
	if r.Summary != nil {
		progress = fmt.Sprintf("%d/%d", r.Summary.Steps, r.Summary.Steps)
		if r.Status != nil && r.Status.Total > r.Summary.Steps {
			progress = fmt.Sprintf("%d/%d", r.Summary.Steps, r.Status.Total)
		}
		if r.Summary.Final.PPL.Finite() && r.State() == record.Done {
			ppl = measure(float64(r.Summary.Final.PPL))
		}
	}
	state := r.State()
	if r.Reference {
		state += " (reference)"
	}
	return []string{record.ShortID(r.ID), orNothing(o.Experiment), orNothing(o.Name()), state, fmt.Sprint(o.Seed), progress, ppl, heard}
}

func orNothing(s string) string {
	if s == "" {
		return nothing
	}
	return s
}

// age writes how long ago something was.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s ago", max(0, d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min ago", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h ago", d.Hours())
	}
	return fmt.Sprintf("%.0f days ago", d.Hours()/24)
}

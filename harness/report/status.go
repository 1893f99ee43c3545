package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"ranklab/harness/record"
)

// WriteStatus lists runs with their state as Text, Markdown or JSON. An
// experiment's name limits the list to its runs and shows their labels there;
// with "" every run is listed under its first experiment. Ages are reckoned
// from now.
func WriteStatus(w io.Writer, runs []record.Run, experiment string, now time.Time, format string) error {
	format, err := checkFormat(format, Text, Markdown, JSON)
	if err != nil {
		return err
	}
	list := []runJSON{}
	s := sheet{header: []string{"id", "experiment", "run", "state", "seed", "progress", "ppl", "last sign of life"}, text: 4}
	var problems []string
	for _, r := range runs {
		o, ok := r.Origin(experiment)
		if !ok && experiment != "" {
			continue
		}
		if experiment == "" && len(r.Origins) > 0 {
			o = r.Origins[0]
		}
		list = append(list, asJSON(r))
		s.rows = append(s.rows, statusLine(r, o, now))
		if r.Problem != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", record.ShortID(r.ID), r.Problem))
		}
	}
	if format == JSON {
		return writeJSON(w, list)
	}
	if len(s.rows) == 0 {
		what := "no runs stored yet"
		if experiment != "" {
			what = fmt.Sprintf("no runs of experiment %q stored yet", experiment)
		}
		_, err := fmt.Fprintln(w, what)
		return err
	}
	if err := s.write(w, format); err != nil {
		return err
	}
	for _, p := range problems {
		if _, err := fmt.Fprintln(w, "problem: "+strings.ReplaceAll(p, "\n", "; ")); err != nil {
			return err
		}
	}
	return nil
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

package report

import (
	"fmt"
	"strconv"

	"ranklab/harness/record"
)

// A deviation puts one part of a run's estimate beside what came of it.
type deviation struct {
	Name      string        `json:"name"`
	Unit      string        `json:"unit"` // "s" | "bytes"
	Estimated record.Float  `json:"estimated"`
	Actual    *record.Float `json:"actual,omitempty"`            // of a finished run, where it was measured
	Percent   *record.Float `json:"deviation_percent,omitempty"` // of the actual from the estimated

	title string
}

// deviations lists the parts of a run's estimate: none without an estimate,
// and no actual ones before the run is done. A run that diverged has not done
// what was estimated.
func deviations(r record.Run) []deviation {
	e := r.Estimate
	if e == nil {
		return nil
	}
	list := []deviation{
		{Name: "train_s", Unit: "s", Estimated: e.Time.TrainS, title: "training"},
		{Name: "refresh_s", Unit: "s", Estimated: e.Time.RefreshS, title: "of it refreshes"},
		{Name: "eval_s", Unit: "s", Estimated: e.Time.EvalS, title: "evaluation"},
		{Name: "checkpoint_s", Unit: "s", Estimated: e.Time.CheckpointS, title: "checkpoints"},
		{Name: "setup_s", Unit: "s", Estimated: e.Time.SetupS, title: "set-up"},
		{Name: "total_s", Unit: "s", Estimated: e.TotalS, title: "time in all"},
		{Name: "memory_bytes", Unit: "bytes", Estimated: record.Float(e.MemoryBytes), title: "memory; measured peak"},
		{Name: "disk_bytes", Unit: "bytes", Estimated: record.Float(e.DiskBytes), title: "last checkpoint"},
	}
	if e.Time.DiagnosticsS > 0 {
		list = append(list, deviation{Name: "diagnostics_s", Unit: "s", Estimated: e.Time.DiagnosticsS, title: "diagnostics"})
	}
	s := r.Summary
	if s == nil || s.State != record.Done {
		return list
	}
	for i, actual := range []record.Float{
		s.Time.TrainS, s.Time.RefreshS, s.Time.EvalS, s.Time.CheckpointS, s.Time.SetupS, s.Time.Total(),
		record.Float(s.PeakBytes), record.Float(s.CheckpointBytes), s.Time.DiagnosticsS,
	}[:len(list)] {
		d := &list[i]
		if actual == 0 && d.Name != "refresh_s" { // not measured
			continue
		}
		d.Actual = &actual
		if d.Estimated > 0 {
			percent := 100 * (actual/d.Estimated - 1)
			d.Percent = &percent
		}
	}
	return list
}

// estimate shows the estimate of a run beside what it took.
func (p *page) estimate(r record.Run) {
	list := deviations(r)
	if len(list) == 0 {
		return
	}
	e := r.Estimate
	p.title("estimate (%s, for %s) and actual", e.How, threadsText(e.Threads))
	for _, d := range list {
		if d.Estimated == 0 && (d.Actual == nil || *d.Actual == 0) {
			continue // a method without refreshes
		}
		p.field(d.title, d.text())
	}
	p.field("arithmetic", fmt.Sprintf("%.3g FLOP", float64(e.FLOPs)))
	if s := r.Summary; s != nil && s.Threads != e.Threads {
		p.field("threads", fmt.Sprintf("the run had %s: the estimate is not for it", threadsText(s.Threads)))
	}
	if s := r.Summary; s != nil && s.Attempts > 1 {
		p.field("started", fmt.Sprintf("%d×: the actual times are those of all starts", s.Attempts))
	}
}

func threadsText(n int) string {
	switch n {
	case 0: // not the same in all its starts
		return "changing numbers of threads"
	case 1:
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

// text writes "58.0 s → 61.5 s (+6.0 %)".
func (d deviation) text() string {
	write := func(v record.Float) string {
		if d.Unit == "bytes" {
			return mebibytes(float64(v)) + " MiB"
		}
		return duration(float64(v))
	}
	s := write(d.Estimated)
	if d.Actual != nil {
		s += " → " + write(*d.Actual)
	}
	if d.Percent != nil {
		percent := strconv.FormatFloat(float64(*d.Percent), 'f', 1, 64)
		if *d.Percent >= 0 {
			percent = "+" + percent
		}
		s += " (" + percent + " %)"
	}
	return s
}

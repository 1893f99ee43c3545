package report

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

// An htmlRun is one run with its curve.
type htmlRun struct {
	ID           string
	Name, Short  string
	Result       string
	Bad          bool // diverged or failed
	Spark, Curve template.HTML
	Notes        []string
	Facts        []htmlFact
	Settings     []htmlFact
	Events       *htmlTable
}

// runTable lists all runs, finished or not.
func (h *htmlSource) runTable() *htmlTable {
	t := &htmlTable{
		ID: "runs-all", Caption: "All runs",
		Header: append(headerOf(3, "run", "id", "state"), headerOf(0, "seed", "perplexity", "loss", "bits/byte", "updates", "registered (MiB)", "peak (MiB)", "time", "tokens/s", "starts")...),
	}
	for _, e := range h.entries {
		cells := []htmlCell{textCell(e.Label), {Links: []htmlLink{{h.tag(e), e.anchor}}}, textCell(e.run.State())}
		if e.Label == "" {
			cells[0].Text = e.Variant
		}
		if e.run.Reference && e.run.Finished() && !h.sweep.Committed {
			cells[2].Text += " (committed)"
		}
		for _, text := range append([]string{fmt.Sprint(e.Seed)}, runNumbers(e.run)...) {
			cells = append(cells, numberCell(text))
		}
		t.Rows = append(t.Rows, htmlRow{Cells: cells})
	}
	return t
}

// runNumbers are the results of a run as a line of a table has them.
func runNumbers(r record.Run) []string {
	out := []string{nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing}
	s := r.Summary
	if s == nil {
		if r.Status != nil {
			out[3] = fmt.Sprintf("%s/%s", thousands(float64(r.Status.Step)), thousands(float64(r.Status.Total)))
		}
		return out
	}
	if s.State == record.Done && s.Final.Evaluated() && s.Final.Loss.Finite() {
		out[0], out[1], out[2] = measure(float64(s.Final.PPL)), measure(float64(s.Final.Loss)), measure(float64(s.Final.BitsPerByte))
	}
	out[3] = thousands(float64(s.Steps))
	var registered int64
	for _, bytes := range s.Memory {
		registered += bytes
	}
	if registered > 0 {
		out[4] = mebibytes(float64(registered))
	}
	if s.PeakBytes > 0 {
		out[5] = mebibytes(float64(s.PeakBytes))
	}
	out[6], out[7] = duration(float64(s.Time.Total())), thousands(float64(s.TokensPerSecond))
	if s.Attempts > 0 {
		out[8] = fmt.Sprint(s.Attempts)
	}
	return out
}

// runs shows every run with its curve.
func (h *htmlSource) runs() []htmlRun {
	varying, _ := h.splitSettings()
	var list []htmlRun
	for _, e := range h.entries {
		curve := newLossCurve(e)
		out := htmlRun{ID: e.anchor, Name: e.name, Short: record.ShortID(e.ID), Spark: curve.small(), Curve: curve.large()}
		out.Result, out.Bad = outcome(e.run)
		if r := e.run; r.Problem != nil {
			out.Notes = append(out.Notes, r.Problem.Error())
		}
		out.Facts = runFacts(e)
		for _, name := range varying {
			if v, ok := e.settings[name]; ok {
				out.Settings = append(out.Settings, htmlFact{name, view.Format(v)})
			}
		}
		out.Events = events(e)
		list = append(list, out)
	}
	return list
}

// outcome is what came of a run, in a few words.
func outcome(r record.Run) (text string, bad bool) {
	s := r.Summary
	switch {
	case s == nil:
		return progressText(r), r.State() == record.Failed
	case s.State == record.Diverged:
		return fmt.Sprintf("diverged after %s updates", thousands(float64(s.Steps))), true
	case !s.Final.Evaluated() || !s.Final.PPL.Finite():
		return "done, not evaluated", false
	}
	return "perplexity " + measure(float64(s.Final.PPL)), false
}

// runFacts is what the record of a run says beside its settings.
func runFacts(e htmlEntry) []htmlFact {
	r := e.run
	r.Reference = false // the page is the same wherever the record lies
	facts := []htmlFact{{"state", stateText(r)}, {"method", e.Variant}, {"seed", fmt.Sprint(e.Seed)}, {"run id", r.ID}}
	add := func(name, format string, args ...any) {
		facts = append(facts, htmlFact{name, fmt.Sprintf(format, args...)})
	}
	if r.NumbersID != "" {
		add("numbers id", "%s", r.NumbersID)
	}
	if len(e.Axes) > 0 {
		var axes []string
		for _, name := range slices.Sorted(maps.Keys(e.Axes)) {
			axes = append(axes, name+" = "+view.Format(e.Axes[name]))
		}
		add("axes", "%s", strings.Join(axes, ", "))
	}
	if s := r.Summary; s != nil {
		eval := func(name string, row record.EvalRow) {
			if row.Evaluated() && row.Loss.Finite() {
				add(name, "perplexity %s, loss %s nats/token, %s bits/byte over %s tokens; N+1 estimator of GaLore#77: %s",
					measure(float64(row.PPL)), measure(float64(row.Loss)), measure(float64(row.BitsPerByte)), thousands(float64(row.Targets)), measure(float64(row.PPLGalore77)))
			}
		}
		if s.State == record.Diverged {
			eval("last evaluation, no result", s.Final)
		} else {
			eval("result", s.Final)
		}
		if s.Best.Step != s.Final.Step {
			eval(fmt.Sprintf("best, after %s updates", thousands(float64(s.Best.Step))), s.Best)
		}
		add("updates", "%s", thousands(float64(s.Steps)))
		add("tokens seen", "%s (%s epochs)", thousands(float64(s.TokensSeen)), measure(float64(s.Epochs)))
		add("time", "%s: training %s, of it refreshes and merges %s; evaluation %s; checkpoints %s; set-up %s", duration(float64(s.Time.Total())),
			duration(float64(s.Time.TrainS)), duration(float64(s.Time.RefreshS)), duration(float64(s.Time.EvalS)), duration(float64(s.Time.CheckpointS)), duration(float64(s.Time.SetupS)))
		add("speed", "%s tokens/s, %s", thousands(float64(s.TokensPerSecond)), threadsText(s.Threads))
		if s.Attempts > 0 {
			add("starts", "%d", s.Attempts)
		}
		if s.PeakBytes > 0 {
			text := mebibytes(float64(s.PeakBytes)) + " MiB"
			if m := r.Measured(); m != nil {
				text += fmt.Sprintf(" (%s, in %s %d; %s before the run was assembled)", m.Measure, m.PeakPhase, m.PeakStep, mebibytes(float64(m.BaseBytes)))
			}
			add("measured peak", "%s", text)
		}
		if s.StateDigest != "" {
			add("digest of weights and states", "%s", s.StateDigest)
		}
	}
	for _, d := range deviations(r) {
		if d.Name == "total_s" || d.Name == "memory_bytes" {
			add("estimate: "+d.title, "%s", d.text())
		}
	}
	return facts
}

// mostEvents bounds the list of events of a run.
const mostEvents = 40

// events lists what happened along a run; nil if nothing did.
func events(e htmlEntry) *htmlTable {
	rows := e.metrics.Events
	if len(rows) == 0 {
		return nil
	}
	t := &htmlTable{Caption: "Events of " + e.name, Header: headerOf(3, "event", "after updates", "detail")}
	t.Header[1].Class = "n"
	for _, row := range rows[:min(len(rows), mostEvents)] {
		var detail []string
		for _, name := range slices.Sorted(maps.Keys(row.Detail)) {
			text := view.Format(row.Detail[name])
			if v, ok := row.Detail[name].(float64); ok && v != math.Trunc(v) {
				text = measure(v)
			}
			detail = append(detail, strings.ReplaceAll(name, "_", " ")+" "+text)
		}
		t.Rows = append(t.Rows, htmlRow{Cells: []htmlCell{textCell(row.Name), numberCell(thousands(float64(row.Step))), longCell(strings.Join(detail, ", "))}})
	}
	if len(rows) > mostEvents {
		t.Notes = []string{fmt.Sprintf("and %d more", len(rows)-mostEvents)}
	}
	return t
}

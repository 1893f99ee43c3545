package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/view"
	"ranklab/internal/memory"
)

// A runJSON is a run as a program reads it.
type runJSON struct {
	ID         string             `json:"id"`
	NumbersID  string             `json:"numbers_id,omitempty"`
	State      string             `json:"state"`
	Reference  bool               `json:"reference,omitempty"`
	Entry      *record.SweepRun   `json:"entry,omitempty"` // in the sweep that is listed
	Origins    []record.Origin    `json:"origins,omitempty"`
	Status     *record.Status     `json:"status,omitempty"`
	Summary    *record.Summary    `json:"summary,omitempty"`
	Memory     *record.Memory     `json:"memory,omitempty"`
	Estimate   *record.Estimate   `json:"estimate,omitempty"`
	Deviations []deviation        `json:"estimate_and_actual,omitempty"`
	Provenance *record.Provenance `json:"provenance,omitempty"`
	Problem    string             `json:"problem,omitempty"`
}

func asJSON(r record.Run) runJSON {
	out := runJSON{
		ID: r.ID, NumbersID: r.NumbersID, State: r.State(), Reference: r.Reference, Origins: r.Origins,
		Status: r.Status, Summary: r.Summary, Memory: r.Memory, Provenance: r.Provenance,
		Estimate: r.Estimate, Deviations: deviations(r),
	}
	if r.Problem != nil {
		out.Problem = r.Problem.Error()
	}
	return out
}

// WriteRun describes one run as Text or JSON: its results, settings, memory
// and where it came from.
func WriteRun(w io.Writer, r record.Run, format string) error {
	format, err := checkFormat(format, Text, JSON)
	if err != nil {
		return err
	}
	if format == JSON {
		return writeJSON(w, asJSON(r))
	}
	p := &page{}
	p.title("run %s", r.ID)
	p.field("state", stateText(r))
	for _, o := range r.Origins {
		name := o.Name()
		if o.Label != "" && o.Label != o.Variant {
			name += ", method " + o.Variant
		}
		p.field("experiment", fmt.Sprintf("%s: %s, seed %d", o.Experiment, name, o.Seed))
	}
	if r.NumbersID != "" {
		p.field("numbers id", r.NumbersID)
	}
	p.field("folder", r.Dir)
	if r.Problem != nil {
		p.field("problem", r.Problem.Error())
	}
	if r.Summary != nil {
		p.results(*r.Summary)
	} else if r.Status != nil {
		p.title("progress")
		p.field("step", fmt.Sprintf("%s of %s", thousands(float64(r.Status.Step)), thousands(float64(r.Status.Total))))
		p.field("attempt", fmt.Sprint(r.Status.Attempt))
		p.field("last sign of life", r.Status.Heartbeat.Format(time.RFC3339))
	}
	p.estimate(r)
	p.memory(r)
	p.subspace(r)
	if len(r.Origins) > 0 {
		p.title("settings")
		settings := r.Origins[0].Settings
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			p.field(name, view.Format(settings[name]))
		}
	}
	if r.Provenance != nil {
		p.provenance(*r.Provenance)
	}
	return p.write(w)
}

// stateText writes a state with its reason.
func stateText(r record.Run) string {
	text := r.State()
	reason := ""
	if r.Summary != nil {
		reason = r.Summary.Reason
	} else if r.Status != nil && r.State() != record.Running {
		reason = r.Status.Reason
	}
	if reason != "" {
		text += ": " + reason
	}
	if r.Reference {
		text += " (committed with the project)"
	}
	return text
}

// A page is text in titled sections of aligned fields.
type page struct{ sections []section }

type section struct {
	title  string
	fields [][2]string
}

func (p *page) title(format string, args ...any) {
	p.sections = append(p.sections, section{title: fmt.Sprintf(format, args...)})
}

func (p *page) field(name, value string) {
	s := &p.sections[len(p.sections)-1]
	s.fields = append(s.fields, [2]string{name, value})
}

func (p *page) write(w io.Writer) error {
	wide := 0
	for _, s := range p.sections {
		for _, f := range s.fields {
			wide = max(wide, len([]rune(f[0])))
		}
	}
	var b strings.Builder
	for i, s := range p.sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(printable(s.title) + "\n")
		for _, f := range s.fields {
			name, value := printable(f[0]), printable(strings.ReplaceAll(f[1], "\n", "; "))
			b.WriteString("  " + name + strings.Repeat(" ", wide-len([]rune(name))+2) + value + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *page) results(s record.Summary) {
	p.title("results")
	p.eval("final", s.Final)
	if s.Best.Evaluated() && s.Best.Step != s.Final.Step {
		p.eval(fmt.Sprintf("best, at step %d", s.Best.Step), s.Best)
	}
	p.field("updates", thousands(float64(s.Steps)))
	p.field("tokens seen", fmt.Sprintf("%s (%s positions, %s epochs)", thousands(float64(s.TokensSeen)), thousands(float64(s.Positions)), measure(float64(s.Epochs))))
	p.field("speed", fmt.Sprintf("%s tokens/s with %s", thousands(float64(s.TokensPerSecond)), threadsText(s.Threads)))
	text := fmt.Sprintf("training %s, of it refreshes and merges %s; evaluation %s",
		duration(float64(s.Time.TrainS)), duration(float64(s.Time.RefreshS)), duration(float64(s.Time.EvalS)))
	if s.Time.CheckpointS > 0 || s.Time.SetupS > 0 { // old records do not say
		text += fmt.Sprintf("; checkpoints %s; set-up %s", duration(float64(s.Time.CheckpointS)), duration(float64(s.Time.SetupS)))
	}
	if s.Time.DiagnosticsS > 0 {
		text += "; diagnostics " + duration(float64(s.Time.DiagnosticsS))
	}
	if s.Waiting() > 0 {
		text += fmt.Sprintf("; %.1f %% of all of it waiting for a processor", 100*s.Waiting())
	}
	p.field("time", fmt.Sprintf("%s; started %d×", text, s.Attempts))
	p.field("state digest", s.StateDigest)
}

func (p *page) eval(name string, e record.EvalRow) {
	if !e.Evaluated() {
		p.field(name, "no evaluation")
		return
	}
	if !e.Loss.Finite() {
		p.field(name, "no finite loss")
		return
	}
	p.field(name, fmt.Sprintf("perplexity %s, loss %s nats/token, %s bits/byte over %s tokens (perplexity with the N+1 estimator of GaLore#77: %s)",
		measure(float64(e.PPL)), measure(float64(e.Loss)), measure(float64(e.BitsPerByte)), thousands(float64(e.Targets)), measure(float64(e.PPLGalore77))))
}

func (p *page) memory(r record.Run) {
	if r.Memory == nil {
		return
	}
	p.title("memory, MiB: actual (predicted, registered)")
	var predicted, registered int64
	for _, c := range memory.Categories() {
		a, b := r.Memory.Predicted[c], r.Memory.Registered[c]
		predicted, registered = predicted+a, registered+b
		if a != 0 || b != 0 {
			p.field(view.CategoryName(string(c)), mebibytes(float64(a))+"  "+mebibytes(float64(b)))
		}
	}
	p.field("sum", mebibytes(float64(predicted))+"  "+mebibytes(float64(registered)))
	if e := r.Memory.ExactBF16; e != nil {
		p.field("exact bf16", fmt.Sprintf("weights %s, gradients %s, states %s, by formula with 2 bytes per value", mebibytes(float64(e.Weights)), mebibytes(float64(e.Gradients)), mebibytes(float64(e.States))))
	}
	if e := r.Memory.Paper; e != nil {
		p.field("paper", fmt.Sprintf("weights %s, states %s, by the rule of its tables", mebibytes(float64(e.Weights)), mebibytes(float64(e.States))))
	}
	if m := r.Memory; m.SteadyBytes > 0 {
		p.field("of it in use", fmt.Sprintf("%s in every update, %s in a refresh, %s while a checkpoint is written",
			mebibytes(float64(m.SteadyBytes)), mebibytes(float64(m.RefreshBytes)), mebibytes(float64(m.CheckpointBytes))))
	}
	if r.Summary != nil && r.Summary.PeakBytes > 0 {
		text := fmt.Sprintf("%s of the whole process, %.2f × the sum", mebibytes(float64(r.Summary.PeakBytes)), float64(r.Summary.PeakBytes)/float64(registered))
		if m := r.Measured(); m != nil {
			text += fmt.Sprintf(" (%s, reached in %s %d; %s before the run was assembled)", m.Measure, m.PeakPhase, m.PeakStep, mebibytes(float64(m.BaseBytes)))
		}
		p.field("measured peak", text)
	}
}

func revisionText(revision string, dirty bool) string {
	if dirty {
		return revision + ", with changes"
	}
	return revision
}

// carriedOn says what carried a run on, and from where.
func carriedOn(a record.AttemptProvenance) string {
	parts := []string{revisionText(a.Revision, a.Dirty), a.GoVersion}
	if a.CPU != "" {
		parts = append(parts, a.CPU)
	}
	return strings.Join(append(parts, fmt.Sprintf("after %s updates", thousands(float64(a.FromStep)))), ", ")
}

func (p *page) provenance(v record.Provenance) {
	p.title("provenance")
	p.field("revision", revisionText(v.Revision, v.Dirty))
	for i, a := range v.Attempts {
		if i > 0 { // the first is the run's own provenance
			p.field(fmt.Sprintf("start %d", a.Attempt), carriedOn(a))
		}
	}
	p.field("numerics", fmt.Sprintf("version %d", v.NumericsVersion))
	goVersion := v.GoVersion + " " + v.OS + "/" + v.Arch
	if v.GOAMD64 != "" {
		goVersion += " GOAMD64=" + v.GOAMD64
	}
	p.field("Go", goVersion)
	p.field("processor", fmt.Sprintf("%s, %d cores", v.CPU.Model, v.CPU.Cores))
	p.field("corpus", v.CorpusDigest)
	p.field("tokenizer", v.TokenizerDigest)
	if v.InitDigest != "" {
		p.field("initial weights", v.InitDigest)
	}
	if v.Host != "" {
		p.field("host", v.Host)
	}
}

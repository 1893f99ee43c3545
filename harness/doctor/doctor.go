// Package doctor examines a machine: what it offers to training, whether what
// training relies on works there (files that last, locks that hold), and whether
// it computes the numbers that every machine computes.
package doctor

import (
	"context"
	"time"

	"ranklab/harness/golden"
	"ranklab/harness/selftest"
)

// Schema is the version of the report as JSON. Within a schema, fields and
// values are only ever added.
const Schema = 1

// A Level says how a finding is.
type Level string

// The levels, from good to bad.
const (
	OK      Level = "ok"
	Warning Level = "warning" // training works, but not as well as it could, or something should be known
	Failure Level = "failure" // training does not work, or computes something else
)

// A Finding is one line of a report.
type Finding struct {
	Section string         `json:"section"` // "machine", "results", "kernels", …
	Subject string         `json:"subject"`
	Level   Level          `json:"level"`
	Text    string         `json:"text"`
	Hint    string         `json:"hint,omitempty"`   // what to do about it
	Values  map[string]any `json:"values,omitempty"` // the same for programs; sizes in bytes, times in seconds
}

// A Report is what one examination found.
type Report struct {
	Schema   int       `json:"schema"`
	Time     time.Time `json:"time"`
	Level    Level     `json:"level"` // the worst of the findings
	Seconds  float64   `json:"seconds"`
	Findings []Finding `json:"findings"`
}

// Count returns the number of findings of a level.
func (r *Report) Count(l Level) (n int) {
	for _, f := range r.Findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

// Options say what to examine.
type Options struct {
	Results, Cache string        // folders that commands write to
	ISA            string        // instruction set that training is to use, by name; "" or "auto": the fastest
	Revision       string        // of the program, when known from the build
	Tell           func(Finding) // hears each finding at once; may be nil
}

// An examination is one under way.
type examination struct {
	Options
	ctx        context.Context
	report     *Report
	section    string
	operations []selftest.Operation
	kernels    map[string]string      // their digests
	runs       map[string]golden.Sums // of the tiny golden runs
}

// Examine examines this machine. It opens no connection to others and leaves
// nothing behind. When ctx ends it returns the error of ctx.
func Examine(ctx context.Context, o Options) (*Report, error) {
	e, err := newExamination(ctx, o)
	if err != nil {
		return nil, err
	}
	return e.report, e.examine()
}

func newExamination(ctx context.Context, o Options) (*examination, error) {
	kernels, err := selftest.Known()
	if err != nil {
		return nil, err
	}
	runs, err := golden.Known()
	return &examination{
		Options: o, ctx: ctx, operations: selftest.Operations(), kernels: kernels.Digests, runs: runs.Tiny,
		report: &Report{Schema: Schema, Level: OK, Findings: []Finding{}},
	}, err
}

func (e *examination) examine() error {
	began := time.Now()
	e.report.Time = began.UTC().Truncate(time.Second)
	for _, part := range []struct {
		section string
		examine func()
	}{
		{"program", e.program},
		{"machine", e.machine},
		{"batch job", e.batchJob},
		{"results", func() { e.folder("--results", e.Results) }},
		{"cache", func() { e.folder("--cache", e.Cache) }},
		{"text", e.text},
		// Before the libraries: some change how their thread rounds.
		{"numbers", e.numbers},
		{"libraries", e.libraries},
	} {
		e.section = part.section
		part.examine()
		if err := e.ctx.Err(); err != nil {
			return err
		}
	}
	e.report.Seconds = time.Since(began).Seconds()
	return nil
}

// find adds a finding to the report.
func (e *examination) find(f Finding) {
	f.Section = e.section
	if f.Level == Failure || f.Level == Warning && e.report.Level == OK {
		e.report.Level = f.Level
	}
	e.report.Findings = append(e.report.Findings, f)
	if e.Tell != nil {
		e.Tell(f)
	}
}

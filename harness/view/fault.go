package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Fault is something that a declaration of a figure cannot mean. Who reads the
// declaration from a file says so before anything is trained, at the place of Key.
type Fault struct {
	Key     string   // of [[figure]]
	Text    string   // what is wrong
	Instead string   // what to write instead; ""
	Vain    bool     // the key means nothing in this figure, whatever it says
	Value   string   // that is none of Options
	Options []string // what the key takes; nil if the fault is another one
}

func (f Fault) Error() string {
	text := f.Text
	if len(f.Options) > 0 {
		text += ": want " + strings.Join(f.Options, " or ")
	}
	if f.Instead != "" {
		text += ": " + f.Instead
	}
	return text
}

// Faults lists all that the keys of a figure say in vain or against each other,
// and values that they do not take. Whether there are such columns is not asked:
// only results can tell.
func (f Figure) Faults() []Fault {
	r := rules{figure: f}
	r.option("kind", f.Kind, Kinds()...)
	r.options()
	if !slices.Contains(Kinds(), f.Kind) {
		return r.faults // nothing more is known of the other keys
	}
	if f.X == "" {
		r.bad("x", "x is missing")
	}
	if f.Y == "" {
		r.bad("y", "y is missing")
	}
	r.keys()
	r.ofKind()
	r.ofSource()
	if f.Along() {
		r.along()
	}
	return r.faults
}

// check joins the faults of a figure into one error.
func (f Figure) check() error {
	var errs []error
	for _, fault := range f.Faults() {
		errs = append(errs, fault)
	}
	return errors.Join(errs...)
}

// rules collects the faults of a figure.
type rules struct {
	figure Figure
	faults []Fault
}

func (r *rules) bad(key, format string, args ...any) {
	r.faults = append(r.faults, Fault{Key: key, Text: fmt.Sprintf(format, args...)})
}

func (r *rules) vain(key, format string, args ...any) {
	r.faults = append(r.faults, Fault{Key: key, Text: fmt.Sprintf(format, args...), Vain: true})
}

func (r *rules) instead(key, instead, format string, args ...any) {
	r.faults = append(r.faults, Fault{Key: key, Text: fmt.Sprintf(format, args...), Instead: instead})
}

// option refuses a value that a key does not take.
func (r *rules) option(key, value string, options ...string) {
	r.among(key, fmt.Sprintf("unknown %s %q", key, value), value, options)
}

func (r *rules) among(key, text, value string, options []string) {
	if !slices.Contains(options, value) {
		r.faults = append(r.faults, Fault{Key: key, Text: text, Value: value, Options: options})
	}
}

// keys refuses keys that mean nothing for the kind of the figure.
func (r *rules) keys() {
	f := r.figure
	for _, key := range []struct {
		name string
		set  bool
	}{
		{"group", len(f.Group) > 0}, {"stack", f.Stack != ""}, {"baseline", len(f.Baseline) > 0}, {"xscale", f.XScale != ""}, {"yscale", f.YScale != ""},
		{"z", f.Z != ""}, {"zscale", f.ZScale != ""}, {"facet", f.Facet != ""}, {"band", f.Band != ""}, {"raw", f.Raw}, {"reference", f.Reference != ""},
	} {
		if kinds := KindsWith(key.name); key.set && kinds != nil && !slices.Contains(kinds, f.Kind) {
			r.vain(key.name, "%s needs kind %s; this is a %s", key.name, strings.Join(kinds, " or "), f.Kind)
		}
	}
}

// options refuses values that keys do not take, where the keys mean something.
func (r *rules) options() {
	f := r.figure
	scale := func(key, value string, options ...string) {
		if kinds := KindsWith(key); value != "" && (slices.Contains(kinds, f.Kind) || !slices.Contains(Kinds(), f.Kind)) {
			r.option(key, value, options...)
		}
	}
	scale("xscale", f.XScale, Linear, Log, Category)
	scale("yscale", f.YScale, Linear, Log)
	scale("zscale", f.ZScale, Linear, Log)
	scale("band", f.Band, Bands()...)
	for i, format := range f.Formats {
		if slices.Contains(f.Formats[:i], format) {
			r.bad("formats", "formats names %q twice", format)
		} else {
			r.among("formats", fmt.Sprintf("unknown format %q", format), format, Formats())
		}
	}
}

// ofKind refuses what a kind of figure cannot show.
func (r *rules) ofKind() {
	f := r.figure
	runs := f.Source == "" // a step of a subspace row is a column, that of a run is not
	switch f.Kind {
	case Bar, StackedBar:
		if runs && IsCurve(f.X) {
			r.bad("x", "a %s cannot have %s on its x axis", f.Kind, f.X)
		}
		if f.XScale == Linear || f.XScale == Log {
			r.instead("xscale", "leave xscale out", "a %s has categories on its x axis", f.Kind)
		}
		if f.Kind == Bar && f.YScale == Log {
			r.bad("yscale", "the length of a bar means nothing on a log scale")
		}
		if f.Kind == Bar {
			break
		}
		if f.Y != "bytes" {
			r.instead("y", `y = "bytes"`, "a stacked_bar shows the bytes of the ledger")
		}
		if f.Stack != "" && f.Stack != "category" {
			r.instead("stack", `stack = "category"`, "a stacked_bar is made of categories of the ledger")
		}
	case HeatMap:
		if f.Z == "" {
			r.bad("z", "z is missing: the column that the colours of a heat_map show")
		}
		if f.X != "" && f.X == f.Y {
			r.bad("y", "a heat_map needs two different columns as x and y")
		}
		if runs && IsCurve(f.X) {
			r.bad("x", "a heat_map cannot have %s on an axis", f.X)
		}
		if runs && IsCurve(f.Y) {
			r.bad("y", "a heat_map cannot have %s on an axis", f.Y)
		}
	case Frontier:
		if f.XScale == Category {
			r.instead("xscale", `"linear" or "log"`, "a frontier needs numbers on its x axis")
		}
	}
}

// ofSource refuses what a source of data cannot show.
func (r *rules) ofSource() {
	f := r.figure
	if f.Source != "" {
		r.option("source", f.Source, Sources()...)
	}
	if f.Source != Subspace {
		if len(f.MeanOver) > 0 {
			r.vain("mean_over", "mean_over needs source = %q", Subspace)
		}
		if len(f.Also) > 0 {
			r.vain("also", "also needs source = %q", Subspace)
		}
		return
	}
	switch {
	case f.Kind == StackedBar || f.Kind == Frontier:
		r.bad("source", "a %s does not show subspaces: they need kind line, bar or heat_map", f.Kind)
	case f.Kind == HeatMap && len(f.Also) > 0:
		r.vain("also", "a heat_map shows one result: leave also out")
	}
	shown := "y"
	if f.Kind == HeatMap {
		shown = "z"
	}
	for i, column := range f.looked() {
		key := shown
		if i > 0 {
			key = "also"
		}
		if column != "" {
			r.among(key, column+" is not recorded of subspaces", column, SubspaceResults())
		}
	}
	for _, column := range f.MeanOver {
		told := column == f.X || column == f.Facet || f.Kind == HeatMap && column == f.Y || slices.Contains(f.Group, column)
		if told {
			r.bad("mean_over", "mean_over averages over %s, which x, y, group or facet tells apart", column)
		} else {
			r.among("mean_over", "mean_over cannot average over "+column, column, SubspaceColumns())
		}
	}
}

// along refuses what does not exist along a run.
func (r *rules) along() {
	f := r.figure
	if f.Y != "" {
		r.among("y", fmt.Sprintf("%q does not exist along a run", f.Y), f.Y, curveResults())
	}
	if f.Y == residentBytes && f.X != "step" {
		r.instead("x", `x = "step"`, "the resident size is recorded by step")
	}
	if f.XScale == Category {
		r.instead("xscale", `"linear" or "log"`, "%s is a number", f.X)
	}
}

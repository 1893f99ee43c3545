// Package view holds the declarations of figures and tables, and the query
// that turns records into series.
package view

import (
	"encoding/json"
	"fmt"

	"ranklab/harness/record"
	"ranklab/internal/safename"
)

// A Figure declares a figure over the runs of an experiment. Columns are named
// as in records: axes and settings ("method", "rank", "update_proj_gap", "lr",
// "seed"), results ("ppl", "loss", "bits_per_byte", "ppl_galore77",
// "peak_bytes", "tokens_per_second", …) and, for curves, "step" or
// "tokens_seen".
type Figure struct {
	ID       string         `toml:"id" json:"id"`                         // file name, fig-ID.svg
	Kind     string         `toml:"kind" json:"kind"`                     // one of [Kinds]
	Title    string         `toml:"title" json:"title,omitempty"`         //
	X        string         `toml:"x" json:"x"`                           // column; "tokens_seen" and "step" draw the evaluation curve of each run
	Y        string         `toml:"y" json:"y"`                           // column; stacked_bar: "bytes"
	Group    []string       `toml:"group" json:"group,omitempty"`         // one line (or bar) per combination of these columns; also written as one string
	Stack    string         `toml:"stack" json:"stack,omitempty"`         // stacked_bar: "category"
	Where    map[string]any `toml:"where" json:"where,omitempty"`         // column = value or list of values that a run must have; stacked_bar also takes "category"
	Baseline map[string]any `toml:"baseline" json:"baseline,omitempty"`   // runs drawn as a horizontal line, selected like where
	XScale   string         `toml:"xscale" json:"xscale,omitempty"`       // "linear" (default) | "log" | "category"
	YScale   string         `toml:"yscale" json:"yscale,omitempty"`       // "linear" (default) | "log"
	XLabel   string         `toml:"xlabel" json:"xlabel,omitempty"`       // default: the column's name and unit
	YLabel   string         `toml:"ylabel" json:"ylabel,omitempty"`       //
	Z        string         `toml:"z" json:"z,omitempty"`                 // heat_map: column shown by colour
	ZScale   string         `toml:"zscale" json:"zscale,omitempty"`       // heat_map: "linear" (default) | "log", of the colours
	Facet    string         `toml:"facet" json:"facet,omitempty"`         // column: one small panel per value, on shared axes
	Band     string         `toml:"band" json:"band,omitempty"`           // line: "ci95" draws intervals as bands, "none" leaves them out; default: whiskers, or a band along many points
	Raw      bool           `toml:"raw" json:"raw,omitempty"`             // line: also a thin line per seed
	Formats  []string       `toml:"formats" json:"formats,omitempty"`     // which of [Formats]; default: all
	Source   string         `toml:"source" json:"source,omitempty"`       // "" = the runs | "tune": trials of learning rates | "subspace": what [diagnostics] recorded of their subspaces
	MeanOver []string       `toml:"mean_over" json:"mean_over,omitempty"` // source "subspace": columns that are averaged within each run: "layer", "module", …
	Also     []string       `toml:"also" json:"also,omitempty"`           // source "subspace": further results, drawn beside y
	// Reference is the id of published numbers to mark in the figure.
	Reference string `toml:"reference" json:"reference,omitempty"`
}

// A Table declares a table over the runs of an experiment: one row per
// combination of the Rows columns, averaged over seeds.
type Table struct {
	ID      string         `toml:"id" json:"id"`                     //
	Title   string         `toml:"title" json:"title,omitempty"`     //
	Rows    []string       `toml:"rows" json:"rows"`                 // columns that identify a row; also written as one string
	Columns []string       `toml:"columns" json:"columns,omitempty"` // setting and result columns; default: those of [DefaultColumns]
	Where   map[string]any `toml:"where" json:"where,omitempty"`     // as in Figure
	Sort    string         `toml:"sort" json:"sort,omitempty"`       // column to sort by; default: order of the experiment
	// Ngrams appends the unigram, bigram and trigram baselines of the same data.
	Ngrams bool `toml:"ngrams" json:"ngrams,omitempty"`
	// CompareTo selects the row, like where, that the others are compared with,
	// and Compare the result columns to compare: see [Comparison].
	CompareTo map[string]any `toml:"compare_to" json:"compare_to,omitempty"` // a string names a method
	Compare   []string       `toml:"compare" json:"compare,omitempty"`       // default: the first of ppl, loss and bits_per_byte among the columns
	// Reference is the id of published numbers to put beside the columns.
	Reference string `toml:"reference" json:"reference,omitempty"`
}

// The values of Figure.Kind.
const (
	Line       = "line"
	Bar        = "bar"
	StackedBar = "stacked_bar"
	HeatMap    = "heat_map"
	Frontier   = "frontier"
)

// The values of Figure.XScale and YScale.
const (
	Linear   = "linear"
	Log      = "log"
	Category = "category"
)

// Declarations are what an experiment asks of its results. They never change
// which runs there are.
type Declarations struct {
	Figures    []Figure
	Tables     []Table
	Claims     []Claim
	Contract   *Contract
	References []Reference
}

// Declare stores declarations in a sweep.
func (d Declarations) Declare(s *record.Sweep) error {
	for _, part := range d.parts(s) {
		if part.empty {
			*part.stored = nil
			continue
		}
		data, err := json.Marshal(part.value)
		if err != nil {
			return fmt.Errorf("%s of %s: %w", part.name, s.Experiment, err)
		}
		*part.stored = data
	}
	return nil
}

// Declared returns the declarations that a sweep holds. The id of a figure has to
// be one that can name its files.
func Declared(s record.Sweep) (Declarations, error) {
	var d Declarations
	for _, part := range d.parts(&s) {
		if *part.stored == nil {
			continue
		}
		if err := json.Unmarshal(*part.stored, part.value); err != nil {
			return Declarations{}, fmt.Errorf("%s of %s: %w", part.name, s.Experiment, err)
		}
	}
	for _, f := range d.Figures {
		if !safename.Valid(f.ID) {
			return Declarations{}, fmt.Errorf("figures of %s: the id %q cannot be part of a file name", s.Experiment, f.ID)
		}
	}
	return d, nil
}

// A part is one kind of declaration and where a sweep stores it.
type part struct {
	name   string
	value  any // pointer
	stored *json.RawMessage
	empty  bool // nothing is declared, and nothing is stored to say so
}

func (d *Declarations) parts(s *record.Sweep) []part {
	return []part{
		{"figures", &d.Figures, &s.Figures, false},
		{"tables", &d.Tables, &s.Tables, false},
		{"claims", &d.Claims, &s.Claims, len(d.Claims) == 0},
		{"contract", &d.Contract, &s.Contract, d.Contract == nil},
		{"references", &d.References, &s.References, len(d.References) == 0},
	}
}

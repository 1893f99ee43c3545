package view

import (
	"slices"

	"ranklab/harness/stats"
)

// Kinds of notes that are not about statistics; the others are those of package
// stats.
const (
	Diverged       stats.WarningKind = "diverged"         // runs without a result, left out of means
	ContractBroken stats.WarningKind = "contract"         // runs do not share what they should, or nobody can tell
	OtherMachine   stats.WarningKind = "other_machine"    // times of different machines stand side by side
	BusyMachine    stats.WarningKind = "busy_machine"     // times that include waiting for a processor
	Absent         stats.WarningKind = "absent"           // something that is asked for is not there (yet)
	Unfinished     stats.WarningKind = "unfinished"       // runs have no result yet
	Overridden     stats.WarningKind = "overridden"       // the experiment's file alone does not give these runs
	NotComparable  stats.WarningKind = "not_comparable"   // with a published number
	Published      stats.WarningKind = "published"        // where published numbers come from, and what they are compared with
	KnownBias      stats.WarningKind = "published_biased" // what is known to be off in them
)

// Note adds a note to the whole table.
func (g *Grid) Note(kind stats.WarningKind, text string) {
	g.Notes = append(g.Notes, stats.Warning{Kind: kind, Text: text})
}

// note adds a footnote to a row, once.
func (r *GridRow) note(kind stats.WarningKind, text string) {
	if w := (stats.Warning{Kind: kind, Text: text}); !slices.Contains(r.Notes, w) {
		r.Notes = append(r.Notes, w)
	}
}

// warn adds a warning to a row, once.
func (r *GridRow) warn(w stats.Warning) { r.note(w.Kind, w.Text) }

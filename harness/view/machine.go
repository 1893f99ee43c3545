package view

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/record"
)

// machineOf names the machine of a run as far as its speed is concerned: the
// processor and its widest vectors.
func machineOf(p *record.Provenance) string {
	if p == nil {
		return ""
	}
	name := p.CPU.Model
	for _, isa := range []string{"avx512f", "avx2"} {
		if slices.Contains(p.CPU.Features, isa) {
			return name + " (" + isa + ")"
		}
	}
	return name
}

// machineNote says so if times or rates that stand side by side were measured on
// several kinds of machine. It is empty if no column is one of these.
func machineNote(columns []Column, rows []Row) string {
	if !slices.ContainsFunc(columns, Column.timed) {
		return ""
	}
	var machines []string
	labels := map[string][]string{}
	for _, r := range rows {
		if r.Machine == "" {
			continue
		}
		if labels[r.Machine] == nil {
			machines = append(machines, r.Machine)
		}
		if !slices.Contains(labels[r.Machine], r.Label) {
			labels[r.Machine] = append(labels[r.Machine], r.Label)
		}
	}
	if len(machines) < 2 {
		return ""
	}
	var parts []string
	for _, m := range machines {
		parts = append(parts, m+": "+some(labels[m]))
	}
	return "times of different machines, not to be compared: " + strings.Join(parts, "; ")
}

// BusyPercent is the share of a run's time from which on waiting for a processor
// is worth a word.
const BusyPercent = 5

// busyNote says so if times or rates were measured while other programs were at
// work, or with more threads than processors. It is empty if no column is one of these.
func busyNote(columns []Column, rows []Row) string {
	if !slices.ContainsFunc(columns, Column.timed) {
		return ""
	}
	var names []string
	most := 0.0
	for _, r := range rows {
		if percent := r.Results["waiting_percent"]; percent >= BusyPercent {
			most = max(most, percent)
			if !slices.Contains(names, r.Label) {
				names = append(names, r.Label)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("times that include waiting for a processor, up to %.0f %%: %s", most, some(names))
}

// timed reports whether a column depends on how fast a machine is.
func (c Column) timed() bool { return c.Metric && (c.Kind == Seconds || c.Kind == Rate) }

// some lists up to six names.
func some(names []string) string {
	if len(names) > 6 {
		names = append(slices.Clone(names[:6]), "…")
	}
	return strings.Join(names, ", ")
}

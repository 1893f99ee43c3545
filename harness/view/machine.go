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
	timed := func(c Column) bool { return c.Metric && (c.Kind == Seconds || c.Kind == Rate) }
	if !slices.ContainsFunc(columns, timed) {
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
		names := labels[m]
		if len(names) > 6 {
			names = append(slices.Clone(names[:6]), "…")
		}
		parts = append(parts, fmt.Sprintf("%s: %s", m, strings.Join(names, ", ")))
	}
	return "times of different machines, not to be compared: " + strings.Join(parts, "; ")
}

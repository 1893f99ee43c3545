package report

import (
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/view"
	"ranklab/internal/memory"
	"ranklab/plots"
)

// An htmlMemory is the memory section.
type htmlMemory struct {
	Legend []htmlCell
	Tables []*htmlTable
}

// A memoryRow is the memory of runs that differ in nothing but the seed.
type memoryRow struct {
	name       string
	entries    []htmlEntry
	bytes      map[memory.Category]int64 // registered, or else predicted
	registered bool
	predicted  map[memory.Category]int64
	total      int64
	exact      *record.ExactBF16
	paper      *record.Paper
	peak       []int64 // measured, of each run
}

// memory shows what every configuration keeps in memory, category by category;
// nil if no run tells.
func (h *htmlSource) memory() *htmlMemory {
	rows := h.memoryRows()
	if len(rows) == 0 {
		return nil
	}
	var shown []memory.Category
	largest := int64(1)
	for _, c := range memory.Categories() {
		if slices.ContainsFunc(rows, func(r memoryRow) bool { return r.bytes[c] > 0 }) {
			shown = append(shown, c)
		}
	}
	for _, r := range rows {
		largest = max(largest, r.total)
	}
	m := &htmlMemory{}
	parts := &htmlTable{
		ID: "memory-categories", Caption: "Registered memory by category (MiB)",
		Header: headerOf(1, "run", "sum"),
	}
	for _, c := range shown {
		name := view.CategoryName(string(c))
		swatch := fmt.Sprintf(`<svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill="%s"/></svg>`, plots.CategoryColour(string(c)))
		m.Legend = append(m.Legend, htmlCell{Drawing: template.HTML(swatch), Text: name})
		parts.Header = append(parts.Header, numberCell(name))
	}
	accounts := &htmlTable{
		ID: "memory-accounts", Caption: "Weights and optimizer states by three accounts, and what the process took (MiB)",
		Header: headerOf(1, "run", "weights + states, actual", "exact bf16", "paper", "all registered", "measured peak", "peak / registered"),
		Notes: []string{
			"actual: as run; exact bf16: by closed formula with 2 bytes per value; paper: by the rule behind the tables of arXiv:2403.03507, where that holds the model and method",
			"measured peak: of the run’s own process; the largest of several seeds",
		},
	}
	for _, r := range rows {
		row := htmlRow{Cells: []htmlCell{{Text: r.name, Links: h.links(ids(r.entries)), Below: r.bar(shown, largest)}, numberCell(mebibytes(float64(r.total)))}}
		for _, c := range shown {
			text := nothing
			if r.bytes[c] != 0 {
				text = mebibytes(float64(r.bytes[c]))
			}
			row.Cells = append(row.Cells, numberCell(text))
		}
		parts.Rows = append(parts.Rows, row)
		if !r.registered {
			parts.Notes = append(parts.Notes, r.name+": predicted, since the run has not begun")
		}
		for _, c := range memory.Categories() {
			if r.predicted != nil && r.registered && r.predicted[c] != r.bytes[c] {
				parts.Notes = append(parts.Notes, fmt.Sprintf("%s: %s were predicted as %s MiB", r.name, view.CategoryName(string(c)), mebibytes(float64(r.predicted[c]))))
			}
		}
		accounts.Rows = append(accounts.Rows, r.accounts())
	}
	m.Tables = []*htmlTable{parts, accounts}
	return m
}

// memoryRows groups the runs by their label and memory.
func (h *htmlSource) memoryRows() []memoryRow {
	var rows []memoryRow
	for _, e := range h.entries {
		r := memoryRow{name: e.Label, entries: []htmlEntry{e}}
		if r.name == "" {
			r.name = e.Variant
		}
		switch m, estimate := e.run.Memory, e.run.Estimate; {
		case m != nil:
			r.bytes, r.predicted, r.registered, r.exact, r.paper = m.Registered, m.Predicted, true, m.ExactBF16, m.Paper
		case e.run.Summary != nil && len(e.run.Summary.Memory) > 0:
			r.bytes, r.registered = e.run.Summary.Memory, true
		case estimate != nil:
			r.bytes = estimate.Memory
		}
		for _, c := range memory.Categories() {
			r.total += r.bytes[c]
		}
		if r.total <= 0 {
			continue
		}
		if s := e.run.Summary; s != nil && s.PeakBytes > 0 {
			r.peak = []int64{s.PeakBytes}
		}
		i := slices.IndexFunc(rows, func(o memoryRow) bool { return o.same(r) })
		if i < 0 {
			rows = append(rows, r)
			continue
		}
		rows[i].entries = append(rows[i].entries, e)
		rows[i].peak = append(rows[i].peak, r.peak...)
	}
	return rows
}

// same reports whether two runs have one name and one memory.
func (r memoryRow) same(o memoryRow) bool {
	if r.name != o.name || r.registered != o.registered {
		return false
	}
	for _, c := range memory.Categories() {
		if r.bytes[c] != o.bytes[c] {
			return false
		}
	}
	return true
}

func ids(entries []htmlEntry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.ID)
	}
	return list
}

// bar stacks the categories of a row; largest fills the width.
func (r memoryRow) bar(shown []memory.Category, largest int64) template.HTML {
	const width = 1000
	var b, words strings.Builder
	at := 0.0
	for _, c := range shown {
		w := width * float64(r.bytes[c]) / float64(largest)
		if w <= 0 {
			continue
		}
		fmt.Fprintf(&b, `<rect x="%.1f" width="%.1f" height="10" fill="%s"/>`, at, w, plots.CategoryColour(string(c)))
		fmt.Fprintf(&words, "%s %s, ", view.CategoryName(string(c)), mebibytes(float64(r.bytes[c])))
		at += w
	}
	label := fmt.Sprintf("%s: %sin all %s MiB", r.name, words.String(), mebibytes(float64(r.total)))
	return template.HTML(fmt.Sprintf(`<svg class="bar" viewBox="0 0 %d 10" preserveAspectRatio="none" role="img" aria-label="%s">%s</svg>`, width, html.EscapeString(label), b.String()))
}

// accounts is the row of the three columns.
func (r memoryRow) accounts() htmlRow {
	cells := []htmlCell{textCell(r.name)}
	number := func(bytes int64) { cells = append(cells, numberCell(mebibytes(float64(bytes)))) }
	none := func() { cells = append(cells, numberCell(nothing)) }
	number(r.bytes[memory.Weights] + r.bytes[memory.Adapters] + r.bytes[memory.OptimizerState] + r.bytes[memory.Projectors])
	if r.exact != nil {
		number(r.exact.Weights + r.exact.States)
	} else {
		none()
	}
	if r.paper != nil {
		number(r.paper.Weights + r.paper.States)
	} else {
		none()
	}
	number(r.total)
	if len(r.peak) > 0 {
		peak := slices.Max(r.peak)
		number(peak)
		cells = append(cells, numberCell(fmt.Sprintf("%.2f", float64(peak)/float64(r.total))))
	} else {
		none()
		none()
	}
	return htmlRow{Cells: cells}
}

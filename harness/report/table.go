package report

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/harness/view"
)

// WriteTables writes every table of a sweep from the rows of its finished
// runs, in the format Text, Markdown, LaTeX, CSV or JSON. A sweep that declares no
// table gets one with a row per run configuration. Notes say which overrides
// the sweep was made with and which runs have no result yet; while there are
// such runs, a table that selects none is empty. A table that cannot be made
// does not stop the others: the error names every one of them.
func WriteTables(w io.Writer, s record.Sweep, rows []view.Row, format string) error {
	format, err := checkFormat(format, Text, Markdown, LaTeX, CSV, JSON)
	if err != nil {
		return err
	}
	declared, err := view.Declared(s)
	if err != nil {
		return err
	}
	tables := declared.Tables
	if len(tables) == 0 {
		tables = []view.Table{defaultTable(s)}
	}
	pending := pendingNames(s, rows)
	var grids []view.Grid
	var errs []error
	for _, t := range tables {
		g, err := declared.Tabulate(t, rows, len(pending), s.Baselines)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if note := s.OverrideNote(); note != "" {
			g.Note(view.Overridden, note)
		}
		if note := pendingNote(pending, len(s.Reported())); note != "" {
			g.Note(view.Unfinished, note)
		}
		g.Notes = append(g.Notes, view.TuningWarnings(s)...)
		grids = append(grids, g)
	}
	return errors.Join(append(errs, writeGrids(w, s, grids, format))...)
}

func writeGrids(w io.Writer, s record.Sweep, grids []view.Grid, format string) error {
	if format == JSON {
		return writeJSON(w, tablesJSON(s, grids))
	}
	for i, g := range grids {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := writeGrid(w, g, format); err != nil {
			return err
		}
	}
	return nil
}

// defaultTable shows the methods of a sweep and everything that it varies.
func defaultTable(s record.Sweep) view.Table {
	axes := map[string]bool{}
	for _, r := range s.Reported() {
		for name := range r.Axes {
			axes[name] = true
		}
	}
	delete(axes, "seed")
	return view.Table{ID: "results", Title: s.Title, Rows: append([]string{"method"}, slices.Sorted(maps.Keys(axes))...), Ngrams: len(s.Baselines) > 0}
}

// pendingNames names the runs of a sweep that have no result yet.
func pendingNames(s record.Sweep, rows []view.Row) []string {
	var pending []string
	several := slices.ContainsFunc(s.Reported(), func(r record.SweepRun) bool { return r.Seed != s.Reported()[0].Seed })
	for _, r := range s.Reported() {
		if !slices.ContainsFunc(rows, func(row view.Row) bool { return row.ID == r.ID || record.ShortID(row.ID) == r.ID }) {
			name := r.Label
			if name == "" {
				name = r.Variant
			}
			if several {
				name += fmt.Sprintf(" seed=%d", r.Seed)
			}
			pending = append(pending, name)
		}
	}
	return pending
}

func pendingNote(pending []string, runs int) string {
	if len(pending) == 0 {
		return ""
	}
	names := pending[:min(len(pending), 4)]
	text := fmt.Sprintf("no result yet for %d of %d runs: %s", len(pending), runs, strings.Join(names, "; "))
	if len(pending) > len(names) {
		text += "; …"
	}
	return text
}

// writeGrid writes one table as Text, Markdown, LaTeX or CSV.
func writeGrid(w io.Writer, g view.Grid, format string) error {
	if format == CSV {
		return writeCSV(w, g)
	}
	title := g.Table.Title
	if title == "" {
		title = g.Table.ID
	}
	title = printable(title)
	notes := newFootnotes(g)
	s := gridSheet(g, notes)
	if format == LaTeX {
		return s.writeLaTeX(w, g.Table.ID, title, notes.lines())
	}
	head := title + "\n\n"
	if format == Markdown {
		head = "### " + title + "\n\n"
	}
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	if err := s.write(w, format); err != nil {
		return err
	}
	for i, note := range notes.lines() {
		lead := ""
		if format == Markdown && i == 0 {
			lead = "\n"
		}
		if format == Markdown && i > 0 {
			lead = "<br>"
		}
		if _, err := fmt.Fprintln(w, lead+printable(note)); err != nil {
			return err
		}
	}
	return nil
}

// gridSheet writes the cells of a table for people.
func gridSheet(g view.Grid, notes footnotes) sheet {
	s := sheet{ruled: len(g.Rows)}
	var header []string
	for i, c := range g.Columns {
		header = append(header, gridHeader(c, g))
		if !c.Metric && s.text == i && c.Name != "lr" {
			s.text = i + 1
		}
	}
	s.header = beside(g, header, contrastHeader)
	for _, r := range slices.Concat(g.Rows, g.Baselines) {
		row := make([]string, len(r.Cells))
		for i, cell := range r.Cells {
			row[i] = cellText(g.Columns[i], cell, r)
		}
		row[notes.column] += notes.marks(r)
		s.rows = append(s.rows, beside(g, row, func(c view.Comparison, k int) string { return contrastText(c, k, r) }))
	}
	return s
}

// gridHeader is a column's header with unit, and what stands behind ± and in
// parentheses.
func gridHeader(c view.Column, g view.Grid) string {
	h := c.Title()
	if c.Name == "tokens_per_second" && !g.Has("threads") {
		h += " (threads)"
	}
	if c.Kind == view.Measure && c.Metric && slices.ContainsFunc(g.Rows, func(r view.GridRow) bool { return r.Runs > 1 }) {
		h += " ±\u00a095\u00a0%"
	}
	return h
}

func cellText(c view.Column, cell view.Cell, r view.GridRow) string {
	m := cell.Mean
	switch {
	case cell.Text != "":
		return cell.Text
	case m.N == 0 && c.Kind == view.Measure && r.Diverged > 0:
		return "diverged"
	case m.N == 0:
		return nothing
	case c.Kind == view.Measure && m.HasInterval():
		digits := measureDigits(m.Value)
		return measure(m.Value) + " ± " + strconv.FormatFloat(m.Half(), 'f', digits, 64)
	case cell.Threads != "":
		return quantity(c, m.Value) + " (" + cell.Threads + ")"
	}
	return quantity(c, m.Value)
}

// footnotes numbers the notes of rows. A note that holds for every row needs
// no number.
type footnotes struct {
	column int // the column that carries the marks
	all    []string
	some   []string
}

func newFootnotes(g view.Grid) footnotes {
	f := footnotes{column: max(0, slices.IndexFunc(g.Columns, func(c view.Column) bool { return c.Metric && c.Kind == view.Measure }))}
	for _, r := range g.Rows {
		for _, note := range stats.Texts(r.Notes) {
			everywhere := !slices.ContainsFunc(g.Rows, func(r view.GridRow) bool { return !slices.Contains(stats.Texts(r.Notes), note) })
			list := &f.some
			if everywhere {
				list = &f.all
			}
			if !slices.Contains(*list, note) {
				*list = append(*list, note)
			}
		}
	}
	if slices.ContainsFunc(g.Rows, func(r view.GridRow) bool {
		for i, c := range r.Cells {
			if withInterval(g.Columns[i]) && c.Mean.HasInterval() {
				return true
			}
		}
		return false
	}) {
		f.all = append(f.all, "±: 95 % confidence in the mean over seeds (Student t)")
	}
	f.all = append(f.all, comparisonNotes(g)...)
	f.all = append(f.all, stats.Texts(g.Notes)...)
	return f
}

func (f footnotes) marks(r view.GridRow) string {
	var marks []string
	for i, note := range f.some {
		if slices.Contains(stats.Texts(r.Notes), note) {
			marks = append(marks, mark(i+1))
		}
	}
	return strings.Join(marks, " ")
}

func (f footnotes) lines() []string {
	var lines []string
	for i, note := range f.some {
		lines = append(lines, mark(i+1)+" "+note)
	}
	return append(lines, f.all...)
}

// writeCSV writes full numbers under the names of the columns; bytes are bytes.
func writeCSV(w io.Writer, g view.Grid) error {
	out := csv.NewWriter(w)
	var header []string
	for _, c := range g.Columns {
		header = append(header, c.Name)
		if withInterval(c) {
			header = append(header, c.Name+"_ci95_low", c.Name+"_ci95_high")
		}
		header = append(header, contrastColumns(g, c)...)
	}
	out.Write(append(header, "runs", "diverged", "run_ids", "notes"))
	for _, r := range slices.Concat(g.Rows, g.Baselines) {
		var line []string
		for i, c := range g.Columns {
			cell := r.Cells[i]
			switch {
			case !c.Metric:
				text := cell.Text
				if cell.Setting == nil && text == nothing {
					text = ""
				}
				line = append(line, text)
			case cell.Mean.N == 0:
				line = append(line, "")
			default:
				line = append(line, view.Number(cell.Mean.Value))
			}
			if withInterval(c) && cell.Mean.HasInterval() {
				line = append(line, view.Number(cell.Mean.Lo), view.Number(cell.Mean.Hi))
			} else if withInterval(c) {
				line = append(line, "", "")
			}
			line = append(line, contrastFields(g, c, r)...)
		}
		out.Write(append(line, strconv.Itoa(r.Runs), strconv.Itoa(r.Diverged), strings.Join(r.IDs, " "), strings.Join(stats.Texts(r.Notes), "; ")))
	}
	out.Flush()
	return out.Error()
}

func withInterval(c view.Column) bool { return c.Metric && c.Kind == view.Measure }

// A tableJSON is a table as a program reads it: one object per row, keyed by
// column.
type tableJSON struct {
	ID    string           `json:"id"`
	Title string           `json:"title,omitempty"`
	Rows  []map[string]any `json:"rows"`
	Notes []stats.Warning  `json:"notes,omitempty"`

	Comparisons []comparisonJSON `json:"comparisons,omitempty"`
}

func tablesJSON(s record.Sweep, grids []view.Grid) any {
	tables := make([]tableJSON, 0, len(grids))
	for _, g := range grids {
		t := tableJSON{ID: g.Table.ID, Title: g.Table.Title, Notes: g.Notes, Rows: []map[string]any{}, Comparisons: comparisonsJSON(g)}
		for _, r := range slices.Concat(g.Rows, g.Baselines) {
			row := map[string]any{"runs": r.Runs, "diverged": r.Diverged}
			if r.Label != "" {
				row["baseline"] = r.Label
			} else {
				row["run_ids"] = r.IDs
			}
			if len(r.Notes) > 0 {
				row["notes"] = r.Notes
			}
			for i, c := range g.Columns {
				cell := r.Cells[i]
				switch {
				case !c.Metric && r.Label == "":
					row[c.Name] = cell.Setting
				case c.Metric && cell.Mean.N > 0:
					row[c.Name] = record.Float(cell.Mean.Value)
					if withInterval(c) && cell.Mean.HasInterval() {
						row[c.Name+"_ci95"] = []record.Float{record.Float(cell.Mean.Lo), record.Float(cell.Mean.Hi)}
					}
				}
			}
			for k, contrast := range r.Contrasts {
				row[g.Comparisons[k].Column.Name+"_vs"] = contrastOf(g.Comparisons[k], contrast)
			}
			t.Rows = append(t.Rows, row)
		}
		tables = append(tables, t)
	}
	return struct {
		Experiment string      `json:"experiment"`
		Tables     []tableJSON `json:"tables"`
	}{s.Experiment, tables}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

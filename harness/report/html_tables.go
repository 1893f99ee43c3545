package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"ranklab/harness/view"
	"ranklab/plots"
)

// An htmlFigure is a figure, or why there is none.
type htmlFigure struct {
	ID, Title string
	Drawing   template.HTML
	Problem   string
	Data      *htmlTable
}

// tables evaluates the tables of the experiment; the first is the headline.
func (h *htmlSource) tables() []*htmlTable {
	declared := h.declared.Tables
	if len(declared) == 0 {
		declared = []view.Table{defaultTable(h.sweep)}
	}
	var list []*htmlTable
	for _, t := range declared {
		id := slug("table-" + t.ID)
		title := t.Title
		if title == "" {
			title = t.ID
		}
		if len(h.rows) == 0 {
			list = append(list, &htmlTable{ID: id, Caption: title, Notes: []string{"no run is finished yet"}})
			continue
		}
		g, err := h.declared.Tabulate(t, h.rows, h.pending, h.sweep.Baselines)
		if err != nil {
			list = append(list, &htmlTable{ID: id, Caption: title, Notes: []string{"This table cannot be made: " + err.Error()}})
			continue
		}
		list = append(list, h.grid(id, title, g))
	}
	return list
}

// grid shows a table with a column that leads to the runs behind each row.
func (h *htmlSource) grid(id, title string, g view.Grid) *htmlTable {
	notes := newFootnotes(g)
	s := gridSheet(g, notes)
	t := &htmlTable{ID: id, Caption: title, Header: headerOf(s.text, s.header...), Notes: notes.lines()}
	t.Header = append(t.Header, textCell("runs"))
	for i, texts := range s.rows {
		var row htmlRow
		for j, text := range texts {
			cell := textCell(text)
			if j >= s.text {
				cell.Class = "n"
			}
			row.Cells = append(row.Cells, cell)
		}
		var cell htmlCell
		if i < len(g.Rows) {
			cell.Links = h.links(g.Rows[i].IDs)
		} else {
			row.Class = "apart"
		}
		row.Cells = append(row.Cells, cell)
		t.Rows = append(t.Rows, row)
	}
	return t
}

// figures draws the figures of the experiment.
func (h *htmlSource) figures() []htmlFigure {
	var list []htmlFigure
	for _, f := range h.declared.Figures {
		list = append(list, h.figure(f))
	}
	return list
}

func (h *htmlSource) figure(f view.Figure) htmlFigure {
	out := htmlFigure{ID: "fig-" + f.ID, Title: f.Title}
	if out.Title == "" {
		out.Title = f.ID
	}
	if err := h.draw(&out, f); err != nil {
		out.Problem = "This figure cannot be drawn: " + err.Error()
	}
	return out
}

func (h *htmlSource) draw(out *htmlFigure, f view.Figure) error {
	rows, pending := h.rows, h.pending
	if f.Source == view.TuneSource {
		rows, pending = h.trialRows, h.pendingTrials
		if len(rows) == 0 && pending == 0 {
			out.Problem = "Not drawn: no learning rate was tuned for this experiment"
			return nil
		}
	}
	chart, err := h.declared.Query(f, rows, pending)
	if err != nil {
		return err
	}
	if chart.Skip != "" {
		out.Problem = "Not drawn: " + chart.Skip
		return nil
	}
	words := describe(chart)
	chart.Figure.Title = "" // it stands above the figure
	picture, err := plots.SVG(chart)
	if err != nil {
		return err
	}
	if out.Drawing, err = inlineSVG(picture, out.ID, out.Title, words); err != nil {
		return err
	}
	data, err := plots.CSV(chart)
	if err != nil {
		return err
	}
	out.Data, err = h.figureData(out.Title, data)
	return err
}

// describe says in words what a chart shows, for those who do not see it.
func describe(c view.Chart) string {
	var names []string
	for _, s := range c.Series {
		if s.Label != "" {
			names = append(names, s.Label)
		}
	}
	text := strings.ReplaceAll(c.Figure.Kind, "_", " ") + " chart: " + c.Y.Title() + " against " + c.X.Title()
	if c.Figure.Kind == view.StackedBar || c.Figure.Kind == view.Bar {
		text = strings.ReplaceAll(c.Figure.Kind, "_", " ") + " chart: " + c.Y.Title() + " by " + c.X.Title()
	}
	if len(names) > 0 {
		shown := names[:min(len(names), 12)]
		text += "; " + strings.Join(shown, ", ")
		if len(names) > len(shown) {
			text += fmt.Sprintf(" and %d more", len(names)-len(shown))
		}
	}
	for _, b := range c.Baselines {
		text += "; level of " + b.Label
	}
	return text + "."
}

// mostData is the number of lines up to which the numbers of a figure are part
// of the page.
const mostData = 150

// figureData shows the CSV of a figure; nil if it is long. Its last column holds
// ids of runs.
func (h *htmlSource) figureData(title string, data []byte) (*htmlTable, error) {
	lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(lines) < 2 || len(lines) > mostData {
		return nil, err
	}
	header := lines[0]
	t := &htmlTable{Caption: "Data of: " + title}
	for _, name := range header {
		cell := textCell(strings.ReplaceAll(name, "_", " "))
		t.Header = append(t.Header, cell)
	}
	for _, line := range lines[1:] {
		var row htmlRow
		for i, text := range line {
			if header[i] == "run_ids" {
				row.Cells = append(row.Cells, htmlCell{Links: h.links(strings.Fields(text))})
				continue
			}
			cell := textCell(text)
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				cell = numberCell(strconv.FormatFloat(v, 'g', 6, 64))
				if v == math.Trunc(v) && math.Abs(v) < 1e15 {
					cell.Text = thousands(v)
				}
				t.Header[i].Class = "n"
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

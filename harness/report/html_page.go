package report

import (
	"fmt"
	"html/template"
	"slices"

	"ranklab/harness/record"
)

// An htmlPage is what the template shows. Parts that are nil or empty are left
// out.
type htmlPage struct {
	Policy     string
	Style      template.CSS
	Experiment string
	Title      string
	Question   string
	Facts      []htmlFact
	Contents   []htmlContent
	Verdicts   []htmlVerdict
	Headline   *htmlTable
	Warnings   *htmlKnow
	Figures    []htmlFigure
	Tables     []*htmlTable
	Claims     []htmlClaim
	Contract   *htmlContract
	Memory     *htmlMemory
	Settings   *htmlSettings
	Tuning     *htmlTuning
	Provenance *htmlTable
	Modules    *htmlTable
	RunTable   *htmlTable
	Runs       []htmlRun
}

// An htmlFact is a name with a value.
type htmlFact struct{ Name, Value string }

// An htmlLink leads to a place in the page.
type htmlLink struct{ Text, To string }

// An htmlContent is a line of the table of contents.
type htmlContent struct {
	htmlLink
	Below []htmlLink
}

// An htmlKnow is a box of what a reader must know.
type htmlKnow struct {
	Title string
	Items []string
}

// An htmlTable is a table of finished text.
type htmlTable struct {
	ID      string
	Caption string
	Header  []htmlCell
	Rows    []htmlRow
	Notes   []string
}

// An htmlRow is one row; its first cell is its heading.
type htmlRow struct {
	Class string // "apart": not one of the runs
	Cells []htmlCell
}

// An htmlCell is a text with links behind it, and a drawing before or below it.
type htmlCell struct {
	Text    string
	Class   string // "n": a number
	Code    bool
	Links   []htmlLink
	Drawing template.HTML
	Below   template.HTML
}

func textCell(s string) htmlCell   { return htmlCell{Text: s} }
func numberCell(s string) htmlCell { return htmlCell{Text: s, Class: "n"} }
func codeCell(s string) htmlCell   { return htmlCell{Text: s, Code: true} }
func longCell(s string) htmlCell   { return htmlCell{Text: s, Class: "long"} }

// headerOf makes a header of which the first cells are text.
func headerOf(text int, titles ...string) []htmlCell {
	cells := make([]htmlCell, len(titles))
	for i, title := range titles {
		cells[i] = textCell(title)
		if i >= text {
			cells[i] = numberCell(title)
		}
	}
	return cells
}

// page puts the parts together.
func (h *htmlSource) page() htmlPage {
	p := htmlPage{
		Policy: policy(htmlStyle), Style: template.CSS(htmlStyle),
		Experiment: h.sweep.Experiment, Title: h.sweep.Title, Question: h.sweep.Question, Facts: h.facts(),
	}
	if p.Title == "" {
		p.Title = h.sweep.Experiment
	}
	tables := h.tables()
	if len(tables) > 0 {
		p.Headline, p.Tables = tables[0], tables[1:]
	}
	claims, err := h.claims()
	p.Claims, p.Contract = claims, h.contract()
	p.Warnings = h.warnings(p.Contract, err)
	p.Figures = h.figures()
	for _, c := range p.Claims {
		p.Verdicts = append(p.Verdicts, htmlVerdict{htmlLink{Text: c.Result + " " + c.Title, To: c.ID}, c.Class})
	}
	p.Memory, p.Settings, p.Provenance = h.memory(), h.settings(), h.provenance()
	p.Modules, p.Tuning = h.modules(), h.tuning()
	p.RunTable, p.Runs = h.runTable(), h.runs()
	p.Contents = p.contents()
	return p
}

// contents lists the sections that there are.
func (p htmlPage) contents() []htmlContent {
	list := []htmlContent{{htmlLink: htmlLink{"Result", "top"}}}
	add := func(there bool, text, to string, below ...htmlLink) {
		if there {
			list = append(list, htmlContent{htmlLink{text, to}, below})
		}
	}
	var figures, tables, claims []htmlLink
	for _, f := range p.Figures {
		figures = append(figures, htmlLink{f.Title, f.ID})
	}
	for _, t := range p.Tables {
		tables = append(tables, htmlLink{t.Caption, t.ID})
	}
	for _, c := range p.Claims {
		claims = append(claims, htmlLink{c.Title, c.ID})
	}
	add(len(figures) > 0, "Figures", "figures", figures...)
	add(len(tables) > 0, "Tables", "tables", tables...)
	add(len(claims) > 0, "Claims", "claims", claims...)
	add(p.Contract != nil, "Contract", "contract")
	add(p.Memory != nil, "Memory", "memory")
	add(p.Settings != nil, "Settings", "settings")
	add(p.Tuning != nil, "Learning rates", "tuning")
	add(p.Provenance != nil, "Provenance", "provenance")
	add(true, "Runs", "runs")
	return list
}

// facts are the numbers at the top.
func (h *htmlSource) facts() []htmlFact {
	finished, diverged := 0, 0
	var methods, tokens, steps []string
	for _, e := range h.entries {
		methods = append(methods, e.Variant)
		if !e.run.Finished() {
			continue
		}
		finished++
		if e.run.State() == record.Diverged {
			diverged++
			continue
		}
		tokens = append(tokens, thousands(float64(e.run.Summary.TokensSeen)))
		steps = append(steps, thousands(float64(e.run.Summary.Steps)))
	}
	state := fmt.Sprintf("%d of %d finished", finished, len(h.entries))
	if diverged > 0 {
		state += fmt.Sprintf(", %d of them diverged", diverged)
	}
	facts := []htmlFact{
		{"experiment", h.sweep.Experiment}, {"runs", state}, {"methods", fmt.Sprint(len(unique(methods)))}, {"seeds", fmt.Sprint(len(h.seeds))},
	}
	if len(tokens) > 0 {
		facts = append(facts, htmlFact{"updates", fewOf(unique(steps))}, htmlFact{"tokens seen by each", fewOf(unique(tokens))})
	}
	if d := h.sweep.DataDigest; d != "" {
		facts = append(facts, htmlFact{"text", record.ShortID(d) + "…"})
	}
	return facts
}

// unique lists the different texts in order of appearance.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// fewOf lists values, or how many there are.
func fewOf(list []string) string {
	if len(list) > 4 {
		return fmt.Sprintf("%s … %s (%d values)", list[0], list[len(list)-1], len(list))
	}
	text := ""
	for i, s := range list {
		if i > 0 {
			text += "; "
		}
		text += s
	}
	return text
}

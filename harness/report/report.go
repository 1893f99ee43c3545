// Package report writes tables, runs and comparisons of runs: as text for a
// terminal, as Markdown, LaTeX and CSV, and as JSON for programs.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// The formats of this package. Not every report has every format; the
// functions say which.
const (
	Text     = "text"
	Markdown = "markdown"
	LaTeX    = "latex"
	CSV      = "csv"
	JSON     = "json"
)

// checkFormat accepts a format, "md" for Markdown and "tex" for LaTeX.
func checkFormat(format string, known ...string) (string, error) {
	switch format {
	case "":
		format = Text
	case "md":
		format = Markdown
	case "tex":
		format = LaTeX
	}
	if !slices.Contains(known, format) {
		return "", fmt.Errorf("format %q: want one of %s", format, strings.Join(known, ", "))
	}
	return format, nil
}

// A sheet is a table of finished text.
type sheet struct {
	header []string
	rows   [][]string
	text   int // leading columns of text; the others are numbers
	ruled  int // rows above the line that splits the table; 0 = none
}

// write writes a sheet as Text or Markdown.
func (s sheet) write(w io.Writer, format string) error {
	s = s.printable()
	align := make(tw.Alignment, len(s.header))
	for i := range align {
		align[i] = tw.AlignRight
		if i < s.text {
			align[i] = tw.AlignLeft
		}
	}
	options := []tablewriter.Option{
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	}
	header, rows := s.header, s.rows
	if format == Markdown {
		options = append(options, tablewriter.WithRenderer(renderer.NewMarkdown()))
		header, rows = escaped(header), slices.Clone(rows)
		for i, row := range rows {
			rows[i] = escaped(row)
		}
	} else {
		options = append(options, tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.On},
			},
		})))
		header = broken(header)
		rows = s.withRule(header)
	}
	var b strings.Builder
	t := tablewriter.NewTable(&b, options...)
	t.Header(header)
	if err := t.Bulk(rows); err != nil {
		return err
	}
	if err := t.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// printable returns the sheet with cells that are safe to show.
func (s sheet) printable() sheet {
	cells := func(row []string) []string {
		out := make([]string, len(row))
		for i, cell := range row {
			out[i] = printable(cell)
		}
		return out
	}
	s.header, s.rows = cells(s.header), slices.Clone(s.rows)
	for i, row := range s.rows {
		s.rows[i] = cells(row)
	}
	return s
}

// withRule returns the rows with a line of dashes where the table is split.
func (s sheet) withRule(header []string) [][]string {
	if s.ruled == 0 || s.ruled == len(s.rows) {
		return s.rows
	}
	rule := make([]string, len(s.header))
	for i := range rule {
		widest := 1
		for _, row := range append([][]string{header}, s.rows...) {
			for line := range strings.SplitSeq(row[i], "\n") {
				widest = max(widest, len([]rune(line)))
			}
		}
		rule[i] = strings.Repeat("─", widest)
	}
	return slices.Insert(slices.Clone(s.rows), s.ruled, rule)
}

// escaped protects the character that ends a cell in Markdown.
func escaped(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(c)
	}
	return out
}

// broken spreads long headers over two or three lines.
func broken(header []string) []string {
	const wide = 14
	out := make([]string, len(header))
	for i, h := range header {
		line := 0
		for j, word := range strings.Split(h, " ") { // a no-break space keeps words together
			switch n := len([]rune(word)); {
			case j == 0:
				line = n
			case line+1+n > wide:
				out[i] += "\n"
				line = n
			default:
				out[i] += " "
				line += 1 + n
			}
			out[i] += word
		}
	}
	return out
}

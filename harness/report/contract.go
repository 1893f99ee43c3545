package report

import (
	"fmt"
	"io"
	"strings"

	"ranklab/harness/view"
)

// WriteContract writes what the runs of an experiment say of each quantity of its
// contract, as Text, Markdown or JSON.
func WriteContract(w io.Writer, experiment string, findings []view.Finding, format string) error {
	format, err := checkFormat(format, Text, Markdown, JSON)
	if err != nil {
		return err
	}
	if format == JSON {
		return writeJSON(w, struct {
			Experiment string         `json:"experiment"`
			Holds      bool           `json:"holds"`
			Findings   []view.Finding `json:"quantities"`
		}{experiment, !breached(findings), findings})
	}
	var b strings.Builder
	switch {
	case format == Markdown:
		b.WriteString("### Contract\n\n| quantity | |\n|:--|:--|\n")
	default:
		b.WriteString("Contract\n\n")
	}
	widest := 0
	for _, f := range findings {
		widest = max(widest, len([]rune(f.Quantity)))
	}
	for _, f := range findings {
		mark := ""
		if len(f.Breaches) > 0 {
			mark = "BREACH: "
		}
		if format == Markdown {
			cells := escaped([]string{printable(f.Quantity), printable(mark + f.Text)})
			fmt.Fprintf(&b, "| %s | %s |\n", cells[0], cells[1])
			continue
		}
		fmt.Fprintf(&b, "%-*s  %s\n", widest, printable(f.Quantity), printable(mark+f.Text))
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func breached(findings []view.Finding) bool {
	for _, f := range findings {
		if len(f.Breaches) > 0 {
			return true
		}
	}
	return false
}

package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

// WriteClaims writes what the results of an experiment say of its claims, as
// Text, Markdown or JSON.
func WriteClaims(w io.Writer, experiment string, verdicts []view.Verdict, format string) error {
	format, err := checkFormat(format, Text, Markdown, JSON)
	if err != nil {
		return err
	}
	if format == JSON {
		return writeJSON(w, claimsJSON(experiment, verdicts))
	}
	var b strings.Builder
	if format == Markdown {
		b.WriteString("### Claims\n\n")
	} else {
		b.WriteString("Claims\n\n")
	}
	for i, v := range verdicts {
		if i > 0 {
			b.WriteByte('\n')
		}
		if format == Markdown {
			claimMarkdown(&b, v)
		} else {
			claimText(&b, v)
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// claimText writes a verdict: the result, the claim, and below it what it is made
// of.
func claimText(b *strings.Builder, v view.Verdict) {
	fmt.Fprintf(b, "%-12s  %s\n", v.Result, printable(claimName(v.Claim)))
	line := func(text string) { fmt.Fprintf(b, "%14s%s\n", "", printable(text)) }
	line(oneLine(v.Claim.Expr))
	for _, c := range v.Comparisons {
		lead := ""
		if len(v.Comparisons) > 1 {
			lead = fmt.Sprintf("%s: %s: ", c.Result, oneLine(c.Text))
		}
		line(lead + comparisonText(c))
		for _, t := range c.Terms {
			line("  " + termText(t))
		}
	}
	for _, note := range v.Notes {
		line("note: " + oneLine(note))
	}
}

func claimMarkdown(b *strings.Builder, v view.Verdict) {
	fmt.Fprintf(b, "**%s** %s: `%s`\n\n", v.Result, printable(claimName(v.Claim)), printable(oneLine(v.Claim.Expr)))
	for _, c := range v.Comparisons {
		lead := ""
		if len(v.Comparisons) > 1 {
			lead = fmt.Sprintf("%s: `%s`: ", c.Result, printable(oneLine(c.Text)))
		}
		var terms []string
		for _, t := range c.Terms {
			terms = append(terms, termText(t))
		}
		fmt.Fprintf(b, "- %s%s (%s)\n", lead, printable(comparisonText(c)), printable(strings.Join(terms, "; ")))
	}
	for _, note := range v.Notes {
		fmt.Fprintf(b, "- %s\n", printable(oneLine(note)))
	}
}

func claimName(c view.Claim) string {
	if c.Title == "" {
		return c.ID
	}
	return c.Title + " (" + c.ID + ")"
}

// oneLine joins the lines of an expression that was written over several.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// comparisonText writes the difference of the sides: "left − right = -1.23, 95 %
// interval -2.01 … -0.45, 3 seeds paired".
func comparisonText(c view.Judgement) string {
	if math.IsNaN(c.Estimate) {
		return "left − right: no estimate"
	}
	value := func(v float64) string { return amount(c.Unit, v, largest(c.Estimate, c.Lo, c.Hi)) }
	text := "left − right = " + value(c.Estimate)
	switch {
	case c.Exact:
		return text + ", exact"
	case !math.IsNaN(c.Lo):
		text += fmt.Sprintf(", 95 %% interval %s … %s", value(c.Lo), value(c.Hi))
	}
	switch {
	case c.Seeds == 0:
		return text + ", not paired"
	case c.Seeds == 1:
		return text + ", 1 seed"
	case c.Paired:
		return text + fmt.Sprintf(", %d seeds, paired", c.Seeds)
	}
	return text + fmt.Sprintf(", %d seeds", c.Seeds)
}

// termText writes a selection: "ppl[galore] = 28.66 ± 0.49 (5 runs: 0582…)".
func termText(t view.Term) string {
	text := t.Text + " = "
	switch m := t.Mean; {
	case m.N == 0:
		text += nothing
	case t.Exact && t.Column.Kind != view.Bytes:
		text += view.Format(m.Value)
	case m.HasInterval():
		text += amount(t.Column.Kind, m.Value, m.Value) + " ± " + amount(t.Column.Kind, m.Half(), m.Value)
	default:
		text += amount(t.Column.Kind, m.Value, m.Value)
	}
	ids := t.IDs
	if len(ids) > shownIDs {
		ids = append(ids[:shownIDs:shownIDs], "…")
	}
	runs := fmt.Sprintf("%d runs", t.Runs)
	if t.Runs == 1 {
		runs = "1 run"
	}
	if t.Diverged > 0 {
		runs += fmt.Sprintf(", %d diverged", t.Diverged)
	}
	if len(ids) > 0 {
		runs += ": " + strings.Join(ids, " ")
	}
	return text + " (" + runs + ")"
}

// shownIDs is how many runs of a selection are named.
const shownIDs = 5

// largest returns the largest size of numbers, NaN left out.
func largest(values ...float64) float64 {
	most := 0.0
	for _, v := range values {
		if a := math.Abs(v); a > most {
			most = a
		}
	}
	return most
}

// amount writes a number with as many decimals as four digits of another need;
// bytes in MiB.
func amount(kind view.Quantity, v, like float64) string {
	if kind == view.Bytes {
		sign := ""
		if v < 0 {
			sign, v = "-", -v
		}
		return sign + mebibytes(v) + " MiB"
	}
	return strconv.FormatFloat(v, 'f', measureDigits(like), 64)
}

type claimJSON struct {
	ID          string          `json:"id"`
	Title       string          `json:"title,omitempty"`
	Expr        string          `json:"expr"`
	Result      string          `json:"result"`
	Comparisons []judgementJSON `json:"comparisons"`
	Notes       []string        `json:"notes,omitempty"`
}

type judgementJSON struct {
	Text     string       `json:"text"`
	Result   string       `json:"result"`
	Estimate record.Float `json:"estimate"` // left − right; bytes are bytes
	Lo       record.Float `json:"ci95_low"`
	Hi       record.Float `json:"ci95_high"`
	Seeds    int          `json:"seeds,omitempty"`
	Paired   bool         `json:"paired"`
	Exact    bool         `json:"exact"`
	Terms    []termJSON   `json:"terms"`
}

type termJSON struct {
	Text     string       `json:"text"`
	Mean     record.Float `json:"mean"`
	Lo       record.Float `json:"ci95_low"`
	Hi       record.Float `json:"ci95_high"`
	Runs     int          `json:"runs"`
	Diverged int          `json:"diverged"`
	IDs      []string     `json:"run_ids"`
}

func claimsJSON(experiment string, verdicts []view.Verdict) any {
	claims := make([]claimJSON, 0, len(verdicts))
	for _, v := range verdicts {
		c := claimJSON{ID: v.Claim.ID, Title: v.Claim.Title, Expr: v.Claim.Expr, Result: v.Result, Notes: v.Notes, Comparisons: []judgementJSON{}}
		for _, x := range v.Comparisons {
			j := judgementJSON{
				Text: x.Text, Result: x.Result, Estimate: record.Float(x.Estimate), Lo: record.Float(x.Lo), Hi: record.Float(x.Hi),
				Seeds: x.Seeds, Paired: x.Paired, Exact: x.Exact, Terms: []termJSON{},
			}
			for _, t := range x.Terms {
				j.Terms = append(j.Terms, termJSON{
					Text: t.Text, Mean: record.Float(t.Mean.Value), Lo: record.Float(t.Mean.Lo), Hi: record.Float(t.Mean.Hi), Runs: t.Runs, Diverged: t.Diverged, IDs: t.IDs,
				})
			}
			c.Comparisons = append(c.Comparisons, j)
		}
		claims = append(claims, c)
	}
	return struct {
		Experiment string      `json:"experiment"`
		Claims     []claimJSON `json:"claims"`
	}{experiment, claims}
}

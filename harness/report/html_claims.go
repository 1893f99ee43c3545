package report

import (
	"strings"

	"ranklab/harness/view"
)

// An htmlVerdict is a claim's result at the top of the page.
type htmlVerdict struct {
	htmlLink
	Class string
}

// An htmlClaim is a claim with what came of it.
type htmlClaim struct {
	ID, Title, Expr string
	Result          string // "PASS" | "FAIL" | "INCONCLUSIVE"
	Class           string
	Comparisons     *htmlTable
	Notes           []string
}

// An htmlContract says whether the runs share what they should.
type htmlContract struct {
	Result   string // "HOLDS" | "BROKEN" | "OPEN"
	Class    string
	Text     string
	Findings *htmlTable
}

// verdictClass returns the class that colours a result.
func verdictClass(result string) string {
	switch result {
	case "PASS", "HOLDS":
		return "pass"
	case "FAIL", "BROKEN":
		return "fail"
	}
	return "open"
}

// claims judges the claims of the experiment.
func (h *htmlSource) claims() ([]htmlClaim, error) {
	if len(h.declared.Claims) == 0 {
		return nil, nil
	}
	verdicts, err := h.declared.Judge(h.rows)
	var list []htmlClaim
	for _, v := range verdicts {
		c := htmlClaim{
			ID: slug("claim-" + v.Claim.ID), Title: v.Claim.Title, Expr: oneLine(v.Claim.Expr), Result: v.Result, Class: verdictClass(v.Result), Notes: v.Notes,
		}
		if c.Title == "" {
			c.Title = v.Claim.ID
		}
		if len(v.Comparisons) > 0 {
			c.Comparisons = &htmlTable{Caption: "What it is made of", Header: headerOf(4, "comparison", "result", "difference of the sides", "of")}
			if len(v.Comparisons) == 1 {
				c.Comparisons.Header[1].Text = ""
			}
		}
		for _, x := range v.Comparisons {
			var terms []string
			var runs []htmlLink
			for _, t := range x.Terms {
				ids := t.IDs
				runs = append(runs, h.links(ids)...)
				t.IDs = nil // they are links
				terms = append(terms, termText(t))
			}
			result := htmlCell{Text: x.Result, Class: "verdict " + verdictClass(x.Result)}
			if len(v.Comparisons) == 1 {
				result = htmlCell{}
			}
			c.Comparisons.Rows = append(c.Comparisons.Rows, htmlRow{Cells: []htmlCell{
				codeCell(oneLine(x.Text)), result, textCell(comparisonText(x)), {Text: strings.Join(terms, "; "), Class: "long", Links: runs},
			}})
		}
		list = append(list, c)
	}
	return list, err
}

// contract says whether the runs share what they promise to; nil without a
// contract.
func (h *htmlSource) contract() *htmlContract {
	if h.declared.Contract == nil {
		return nil
	}
	c := &htmlContract{Result: "HOLDS", Text: "The finished runs share what the experiment says they share."}
	if len(h.rows) == 0 {
		c.Result, c.Text = "OPEN", "No run is finished yet."
	}
	c.Findings = &htmlTable{Caption: "Quantities of the contract", Header: headerOf(3, "quantity", "", "runs")}
	for _, f := range view.Examine(*h.declared.Contract, h.rows) {
		row := htmlRow{Cells: []htmlCell{codeCell(f.Quantity), longCell(f.Text), {}}}
		for _, b := range f.Breaches {
			c.Result, c.Text = "BROKEN", "The runs do not share all that the experiment says they share, or their records do not tell: comparisons between them mean less."
			row.Cells[1].Class = "long fail"
			row.Cells[2].Links = append(row.Cells[2].Links, h.links(b.IDs)...)
		}
		c.Findings.Rows = append(c.Findings.Rows, row)
	}
	c.Class = verdictClass(c.Result)
	return c
}

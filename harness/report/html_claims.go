package report

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
	Result   string // "HOLDS" | "BROKEN"
	Class    string
	Text     string
	Breaches *htmlTable
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

func (h *htmlSource) claims() []htmlClaim { return nil }

func (h *htmlSource) contract() *htmlContract { return nil }

package view

import "ranklab/harness/stats"

// A Claim is a statement about results that the program can judge: an
// expression such as "ppl[galore] <= 1.03 * ppl[adamw]". See package expr for
// its grammar and [Judge] for its meaning.
type Claim struct {
	ID    string `toml:"id" json:"id"`
	Title string `toml:"title" json:"title,omitempty"`
	Expr  string `toml:"expr" json:"expr"`
}

// The results of a comparison and of a claim.
const (
	Pass         = "PASS"
	Fail         = "FAIL"
	Inconclusive = "INCONCLUSIVE"
)

// A Verdict is what the finished runs say of a claim.
type Verdict struct {
	Claim       Claim
	Result      string      // Pass | Fail | Inconclusive
	Comparisons []Judgement // those of the expression, in order
	Notes       []string    // what a reader must know beside the result
}

// A Judgement is one comparison of a claim, judged on the difference of its
// sides, left − right.
type Judgement struct {
	Text             string   // as the claim has it
	Estimate, Lo, Hi float64  // the difference and its 95 % interval; NaN where there is none
	Result           string   //
	Unit             Quantity // Bytes, or Measure
	Seeds            int      // differences that the estimate is the mean of; 0: it is exact, or not paired
	Paired           bool     // both sides have noise, and each seed of one is paired with that of the other
	Exact            bool     // nothing in it has noise
	Terms            []Term   // the selections on both sides, each once
}

// A Term is one selection of a comparison.
type Term struct {
	Text     string // "ppl[galore]"
	Column   Column
	Mean     stats.Mean // over its finished runs that have a value
	Exact    bool       // the same for every seed
	Runs     int        // finished runs that it selects
	Diverged int        // of them
	IDs      []string   // of them, short
}

// and, or and not are Kleene's: a result that nothing can change any more is
// known, whatever the inconclusive parts would be.

func and(a, b string) string {
	switch {
	case a == Fail || b == Fail:
		return Fail
	case a == Pass && b == Pass:
		return Pass
	}
	return Inconclusive
}

func or(a, b string) string { return not(and(not(a), not(b))) }

func not(a string) string {
	switch a {
	case Pass:
		return Fail
	case Fail:
		return Pass
	}
	return Inconclusive
}

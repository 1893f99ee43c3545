package stats

import "fmt"

// A Warning is something that a reader of a number must know. Tables print it
// as a footnote, figures in their caption, claims beside their verdict.
type Warning struct {
	Kind WarningKind `json:"kind"`
	Text string      `json:"text"`
}

// A WarningKind tells warnings apart for a program.
type WarningKind string

// Kinds of warnings.
const (
	FewSeeds        WarningKind = "few_seeds"        // too few to compare
	Incomplete      WarningKind = "incomplete"       // seeds without a result are left out
	NotPaired       WarningKind = "not_paired"       // seeds are not shared
	UnevenSpread    WarningKind = "uneven_spread"    // one treatment scatters more than the pooled error says
	Bootstrap       WarningKind = "bootstrap"        // the bootstrap interval decides otherwise
	OtherData       WarningKind = "other_data"       // evaluated on something else
	HiddenDimension WarningKind = "hidden_dimension" // more differs than is shown
	SeveralEpochs   WarningKind = "several_epochs"   // text was seen more than once

	// Of how learning rates were found:
	EdgeOfGrid     WarningKind = "edge_of_grid"    // the best rate is the lowest or the highest that was tried
	UnequalBudgets WarningKind = "unequal_budgets" // methods had different numbers of trials
	GivenRate      WarningKind = "given_rate"      // a rate was given beside tuned ones
	OtherLength    WarningKind = "other_length"    // rates were tuned in runs with another number of updates
	StaleTuning    WarningKind = "stale_tuning"    // rates were tuned for other settings
)

// Texts returns the texts of warnings.
func Texts(warnings []Warning) []string {
	list := make([]string, len(warnings))
	for i, w := range warnings {
		list[i] = w.Text
	}
	return list
}

// TooFewSeeds says why nothing is compared.
func TooFewSeeds(n int) Warning {
	return Warning{FewSeeds, fmt.Sprintf("%s: no comparison with fewer than %d", seeds(n), MinSeeds)}
}

// Epochs says that a run has seen its text more than once.
func Epochs(n float64) Warning {
	return Warning{SeveralEpochs, fmt.Sprintf("%.2g epochs: later passes see text that was trained on", n)}
}

// Hidden says that two things that are compared differ in more than is shown.
func Hidden(setting, value, other string) Warning {
	return Warning{HiddenDimension, fmt.Sprintf("%s is %s, of the baseline %s", setting, value, other)}
}

func seeds(n int) string {
	if n == 1 {
		return "1 seed"
	}
	return fmt.Sprintf("%d seeds", n)
}

package cli

import (
	"fmt"
	"io"
	"math"

	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/harness/view"
)

// tooMany is a difference, in σ, that only a large effect reaches: a plan warns
// when nothing smaller would be found.
const tooMany = 4

// A detectable is the least difference that a comparison would find with
// probability [stats.Power], in σ and, where the noise is known, in the unit of
// the result.
type detectable struct {
	Table    string       `json:"table,omitempty"`
	Column   string       `json:"column"`
	Baseline string       `json:"baseline,omitempty"`
	Rows     int          `json:"rows"`
	Seeds    int          `json:"seeds"`
	DF       int          `json:"df,omitempty"`
	Sigmas   record.Float `json:"detectable_sigmas"` // null: nothing would be compared
	Tests    int          `json:"holm_tests"`
	Adjusted record.Float `json:"detectable_sigmas_holm"` // at the first step of Holm
	Noise    *noiseFloor  `json:"noise,omitempty"`
	Warning  string       `json:"warning,omitempty"`

	plan view.PlannedComparison
}

// A noiseFloor is σ of stored results.
type noiseFloor struct {
	Source string       `json:"source"`  // experiment
	AtMost bool         `json:"at_most"` // of another experiment: what a seed shares is not taken out
	Sigma  record.Float `json:"sigma"`   // percent where logarithms are compared
	DF     int          `json:"df"`
	Unit   string       `json:"unit"` // "percent", or "" for that of the column

	sigma float64 // of logarithms where they are compared
}

// detectable says what the comparisons of a plan can tell.
func (v *env) detectable(p *plan.Plan) ([]detectable, error) {
	var planned []view.Row
	for _, it := range p.Items {
		i := it.Instance
		row := view.Row{ID: it.ID, Label: i.Label, Method: i.Variant, Kind: i.Run.Method.Kind, Seed: i.Seed}
		planned = append(planned, row.Planned(i.Run.Settings(), i.Axes))
	}
	comparisons, err := p.Experiment.PlannedComparisons(planned)
	if err != nil { // a plan is of use without it
		p.Notes = append(p.Notes, err.Error())
	}
	var list []detectable
	for _, c := range comparisons {
		if c.Rows < 2 || c.Baseline == "" && c.Seeds < 2 {
			continue
		}
		d := detectable{Table: c.Table, Column: c.Column.Name, Baseline: c.Baseline, Rows: c.Rows, Seeds: c.Seeds, Tests: c.Tests, plan: c}
		d.Sigmas, d.Adjusted = record.Float(stats.Detectable(c.Rows, c.Seeds, 1)), record.Float(stats.Detectable(c.Rows, c.Seeds, c.Tests))
		if c.Seeds >= stats.MinSeeds {
			_, d.DF = stats.DesignOf(c.Rows, c.Seeds)
		}
		d.Warning = fewSeeds(c)
		if d.Noise, err = v.noise(p.Experiment.Name, c); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

// fewSeeds warns when the seeds cannot tell rows apart, and says how many could.
func fewSeeds(c view.PlannedComparison) string {
	least := stats.Detectable(c.Rows, c.Seeds, c.Tests)
	if least <= tooMany {
		return ""
	}
	var text string
	switch {
	case c.Seeds == 1:
		text = "1 seed is too few to compare rows"
	case math.IsNaN(least):
		text = fmt.Sprintf("%d seeds are too few to compare rows", c.Seeds)
	default:
		text = fmt.Sprintf("%d seeds are few: differences below %.2g σ are likely to be missed", c.Seeds, least)
	}
	if n := stats.SeedsFor(tooMany, c.Rows, c.Tests, 100); n > 0 {
		text += fmt.Sprintf("; %d seeds would tell rows apart that differ by %.2g σ", n, stats.Detectable(c.Rows, n, c.Tests))
	}
	return text
}

// noise looks for stored runs like those of a comparison: of the same
// experiment, else of the one that knows most.
func (v *env) noise(experiment string, c view.PlannedComparison) (*noiseFloor, error) {
	names, err := record.Experiments(v.results)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	runs, err := record.List(v.results)
	if err != nil {
		return nil, err
	}
	var best *noiseFloor
	for _, name := range names {
		sweep, err := record.ReadSweep(v.results, name)
		if err != nil {
			continue // not this command's to report
		}
		finished, _ := view.Rows(sweep, runs)
		var alike []view.Row
		for _, r := range finished {
			if view.Alike(r, c.Like) {
				alike = append(alike, r)
			}
		}
		own := name == experiment
		n := view.NoiseOf(alike, c.Column, own)
		if !(n.Sigma > 0) || best != nil && !own && best.DF >= n.DF {
			continue
		}
		best = &noiseFloor{Source: name, AtMost: !own, Sigma: record.Float(scaled(c, n.Sigma)), DF: n.DF, sigma: n.Sigma}
		if c.Ratio() {
			best.Unit = "percent"
		}
		if own {
			break
		}
	}
	return best, nil
}

func scaled(c view.PlannedComparison, d float64) float64 {
	return view.Comparison{Column: c.Column, Ratio: c.Ratio()}.Scaled(d)
}

// writeDetectable prints what the comparisons of a plan can tell, in a line or
// two each.
func writeDetectable(w io.Writer, list []detectable) {
	for _, d := range list {
		if !math.IsNaN(float64(d.Sigmas)) {
			fmt.Fprintln(w, d.text())
		}
		if d.Warning != "" {
			fmt.Fprintln(w, "note: "+d.Warning)
		}
	}
}

// text is what is found with the seeds there are, and what σ is.
func (d detectable) text() string {
	where, from := "", fmt.Sprintf("two of %d configurations", d.Rows)
	if d.Baseline != "" {
		where, from = fmt.Sprintf("table %q: ", d.Table), "a row and "+d.Baseline
	}
	text := fmt.Sprintf("%s%d seeds tell %s apart (4 times out of 5, %d df) if their %s differs by %s",
		where, d.Seeds, from, d.DF, d.plan.Column.Header, sigmas(d.Sigmas))
	if d.Tests > 1 {
		text += fmt.Sprintf("; by %s where all %d rows are judged (Holm)", sigmas(d.Adjusted), d.Tests)
	}
	if d.Noise == nil {
		return text
	}
	size := func(times record.Float) string {
		v := scaled(d.plan, float64(times)*d.Noise.sigma)
		if d.Noise.Unit == "percent" {
			return fmt.Sprintf("%.2g %%", v)
		}
		return fmt.Sprintf("%.2g", v)
	}
	atMost := ""
	if d.Noise.AtMost {
		atMost = "at most "
	}
	text += fmt.Sprintf("\nnoise: σ is %s%s (%d df, %s), so that is %s", atMost, size(1), d.Noise.DF, d.Noise.Source, size(d.Sigmas))
	if d.Tests > 1 {
		text += " and " + size(d.Adjusted)
	}
	return text
}

func sigmas(v record.Float) string { return fmt.Sprintf("%.2g σ", float64(v)) }

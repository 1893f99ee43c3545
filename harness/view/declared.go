package view

import (
	"slices"

	"ranklab/harness/record"
)

// Tabulate is [Tabulate] with all that the experiment declares beside the table:
// published numbers, and a footnote at the rows that break its contract.
func (d Declarations) Tabulate(t Table, rows []Row, pending int, baselines []record.Baseline) (Grid, error) {
	g, err := Tabulate(t, rows, pending, baselines)
	if err != nil {
		return g, err
	}
	g.addReference(d.References, rows)
	breaches := d.breaches(rows)
	for i := range g.Rows {
		for _, note := range footnotes(breaches, g.Rows[i].IDs) {
			g.Rows[i].note(ContractBroken, note)
		}
	}
	return g, nil
}

// Query is [Query] with all that the experiment declares beside the figure:
// published numbers, and a warning when a run that it shows breaks the contract.
func (d Declarations) Query(f Figure, rows []Row, pending int) (Chart, error) {
	c, err := Query(f, rows, pending)
	if err != nil || c.Skip != "" {
		return c, err
	}
	c.overlay(d.References, rows)
	var ids []string
	for _, s := range slices.Concat(c.Series, c.Baselines) {
		for _, p := range s.Points {
			ids = append(ids, p.IDs...)
		}
	}
	for _, note := range footnotes(d.breaches(rows), ids) {
		c.warn("%s", note)
	}
	return c, nil
}

// Judge is [Judge] on the claims of the experiment, with a note where a run
// behind a claim breaks the contract: then the difference may not be that of the
// methods.
func (d Declarations) Judge(rows []Row) ([]Verdict, error) {
	verdicts, err := Judge(d.Claims, rows)
	breaches := d.breaches(rows)
	for i := range verdicts {
		v := &verdicts[i]
		var ids []string
		for _, c := range v.Comparisons {
			for _, t := range c.Terms {
				ids = append(ids, t.IDs...)
			}
		}
		for _, note := range footnotes(breaches, ids) {
			if !slices.Contains(v.Notes, note) {
				v.Notes = append(v.Notes, note)
			}
		}
	}
	return verdicts, err
}

// breaches returns what breaks the contract, if there is one.
func (d Declarations) breaches(rows []Row) []Breach {
	if d.Contract == nil {
		return nil
	}
	return CheckContract(*d.Contract, rows)
}

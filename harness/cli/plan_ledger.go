package cli

import (
	"fmt"
	"io"
	"slices"

	"ranklab/harness/plan"
	"ranklab/internal/memory"
)

// writeLedgers prints the predicted memory of the runs by category: a row for
// each distinct ledger, named after the first run that has it.
func writeLedgers(w io.Writer, p *plan.Plan, buffers bool) error {
	fmt.Fprint(w, "\nmemory by category, as predicted, in the largest phase of a run; all of it is there throughout\n\n")
	header := []string{"run"}
	for _, c := range memory.Categories() {
		header = append(header, categoryHeader(c))
	}
	t := newTable(w, 1, append(header, "sum", "in each update", "in a refresh", "in a checkpoint"))
	groups := ledgers(p)
	for _, g := range groups {
		row := []string{g.name(p)}
		for _, c := range memory.Categories() {
			row = append(row, orDash(g.first.Memory[c]))
		}
		l := g.first.Ledger
		row = append(row, size(l.Total()), size(l.During(memory.Always)), size(l.During(memory.Refresh)), size(l.During(memory.Checkpoint)))
		if err := t.Append(row); err != nil {
			return err
		}
	}
	if err := t.Render(); err != nil || !buffers {
		return err
	}
	for _, g := range groups {
		fmt.Fprintf(w, "\nbuffers of %s\n\n", g.name(p))
		t := newTable(w, 2, []string{"category", "name", "bytes", "used in"})
		for _, e := range g.first.Ledger.Entries() {
			use := "every update"
			if e.Use != memory.Always {
				use = "a " + string(e.Use)
			}
			if err := t.Append([]string{string(e.Category), e.Name, fmt.Sprint(e.Bytes), use}); err != nil {
				return err
			}
		}
		if err := t.Render(); err != nil {
			return err
		}
	}
	return nil
}

// A ledgerGroup is the runs that have the same buffers.
type ledgerGroup struct {
	first plan.Item
	more  int // other runs
}

func ledgers(p *plan.Plan) []ledgerGroup {
	var groups []ledgerGroup
	for _, it := range p.Items {
		i := slices.IndexFunc(groups, func(g ledgerGroup) bool { return slices.Equal(g.first.Ledger.Entries(), it.Ledger.Entries()) })
		if i < 0 {
			groups = append(groups, ledgerGroup{first: it})
			continue
		}
		groups[i].more++
	}
	return groups
}

func (g ledgerGroup) name(p *plan.Plan) string {
	name := p.Experiment.NameOf(g.first.Instance)
	if g.more > 0 {
		name += fmt.Sprintf(" and %d more", g.more)
	}
	return name
}

func categoryHeader(c memory.Category) string {
	if c == memory.OptimizerState {
		return "optimizer state"
	}
	return string(c)
}

func orDash(bytes int64) string {
	if bytes == 0 {
		return "–"
	}
	return size(bytes)
}

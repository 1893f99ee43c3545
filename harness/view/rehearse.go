package view

import (
	"errors"
	"fmt"
	"strings"

	"ranklab/harness/expr"
	"ranklab/harness/record"
	"ranklab/internal/memory"
)

// A Flop is a declaration that would come to nothing: even with a result of every
// planned run it selects none, or mixes runs that it cannot tell apart.
type Flop struct {
	Kind string // "figure" | "table" | "claim" | "contract"
	ID   string // "" for the contract
	Err  error
}

// Rehearse evaluates the declarations as if every planned run had finished with the
// same results, and returns what would fail: what is worth knowing before anything
// is trained. Figures of trials and of subspaces are left out, since what these
// have follows from more than settings.
func (d Declarations) Rehearse(planned []Row) []Flop {
	rows := make([]Row, len(planned))
	for i, r := range planned {
		rows[i] = rehearsed(r)
	}
	var flops []Flop
	add := func(kind, id string, err error) {
		if err != nil {
			flops = append(flops, Flop{kind, id, err})
		}
	}
	for _, f := range d.Figures {
		if f.Source == "" {
			_, err := Query(f, rows, 0)
			add("figure", f.ID, err)
		}
	}
	for _, t := range d.Tables {
		_, err := Tabulate(t, rows, 0, nil)
		add("table", t.ID, err)
	}
	for _, c := range d.Claims {
		add("claim", c.ID, c.rehearse(rows))
	}
	if d.Contract != nil {
		_, _, err := filter(rows, d.Contract.Where)
		add("contract", "", err)
	}
	return flops
}

// rehearse evaluates the selections of a claim.
func (c Claim) rehearse(rows []Row) error {
	root, err := expr.Parse(c.Expr)
	if err != nil {
		return err
	}
	j := judge{text: c.Expr, rows: rows}
	var errs []error
	root.Walk(func(n *expr.Node) {
		if n.Op == expr.Select {
			if _, err := j.selected(n); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", n.Span.Of(c.Expr), err))
			}
		}
	})
	return errors.Join(errs...)
}

// rehearsed gives a planned run results, all of them 1.
func rehearsed(r Row) Row {
	r.Results, r.Memory = make(map[string]float64), make(map[memory.Category]int64)
	for _, m := range metrics() {
		r.Results[m.Name] = 1
	}
	for _, c := range memory.Categories() {
		r.Memory[c] = 1
	}
	r.RSS = []record.RSSSample{{Step: 1, Bytes: 1}}
	r.Metrics = func() (record.Metrics, error) {
		return record.Metrics{
			Train: []record.TrainRow{{Step: 1, TokensSeen: 1, Positions: 1, Loss: 1, LR: 1, GradNorm: 1}},
			Eval:  []record.EvalRow{{Step: 1, TokensSeen: 1, Positions: 1, Split: "validation", Loss: 1, PPL: 1, BitsPerByte: 1, PPLGalore77: 1}},
		}, nil
	}
	r.Timing = func() ([]record.TimingRow, error) { return []record.TimingRow{{Step: 1, ElapsedS: 1}}, nil }
	return r
}

// Text says what would be wrong, of runs that are not there yet.
func (f Flop) Text() string {
	text := f.Err.Error()
	if lead := fmt.Sprintf("%s %q: ", f.Kind, f.ID); strings.HasPrefix(text, lead) {
		text = text[len(lead):]
	}
	return strings.NewReplacer("no finished run", "no run", "\n", "; ").Replace(text)
}

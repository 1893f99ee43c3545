package report

import (
	"fmt"
	"io"
	"strings"

	"ranklab/harness/record"
)

// A PairedRun is a run of two sweeps that have it under one name.
type PairedRun struct {
	Name        string       `json:"name"` // label
	Seed        int          `json:"seed"`
	A           string       `json:"a"` // ids
	B           string       `json:"b"`
	Differences []Difference `json:"differences"` // none, if it is the same run
	Problem     string       `json:"problem,omitempty"`
}

// Same reports whether both sweeps have the same run.
func (p PairedRun) Same() bool { return p.A == p.B }

// A SweepDifference says how the runs of two sweeps differ.
type SweepDifference struct {
	A       string      `json:"a"` // experiments
	B       string      `json:"b"`
	Removed []string    `json:"removed"` // runs that only A has
	Added   []string    `json:"added"`   // runs that only B has
	Pairs   []PairedRun `json:"pairs"`
}

// PairSweeps matches the runs of two sweeps by label and seed. compare tells the
// differences of two runs that are not the same.
func PairSweeps(a, b record.Sweep, compare func(a, b string) ([]Difference, error)) SweepDifference {
	d := SweepDifference{A: a.Experiment, B: b.Experiment, Removed: []string{}, Added: []string{}, Pairs: []PairedRun{}}
	taken := make([]bool, len(b.Runs))
	for _, r := range a.Runs {
		j := -1
		for i, o := range b.Runs {
			if j < 0 && !taken[i] && runName(o) == runName(r) && o.Seed == r.Seed {
				j = i
			}
		}
		if j < 0 {
			d.Removed = append(d.Removed, seeded(r))
			continue
		}
		taken[j] = true
		p := PairedRun{Name: runName(r), Seed: r.Seed, A: record.ShortID(r.ID), B: record.ShortID(b.Runs[j].ID), Differences: []Difference{}}
		if !p.Same() {
			var err error
			if p.Differences, err = compare(r.ID, b.Runs[j].ID); err != nil {
				p.Problem = err.Error()
			}
		}
		d.Pairs = append(d.Pairs, p)
	}
	for i, r := range b.Runs {
		if !taken[i] {
			d.Added = append(d.Added, seeded(r))
		}
	}
	return d
}

func runName(r record.SweepRun) string {
	if r.Label != "" {
		return r.Label
	}
	return r.Variant
}

func seeded(r record.SweepRun) string {
	return fmt.Sprintf("%s, seed %d (%s)", runName(r), r.Seed, record.ShortID(r.ID))
}

// WriteSweepDifference writes how two sweeps differ as Text or JSON; only as in
// [WriteDifferences]. Runs of which the same is to be said stand together.
func WriteSweepDifference(w io.Writer, d SweepDifference, only []string, format string) error {
	format, err := checkFormat(format, Text, JSON)
	if err != nil {
		return err
	}
	for i, p := range d.Pairs {
		d.Pairs[i].Differences = ofSections(p.Differences, only)
	}
	if format == JSON {
		return writeJSON(w, d)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "a  %s\nb  %s\n", printable(d.A), printable(d.B))
	list := func(title string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(&out, "\n%s\n", title)
		}
		for _, name := range names {
			fmt.Fprintf(&out, "  %s\n", printable(name))
		}
	}
	list("only in a", d.Removed)
	list("only in b", d.Added)
	var same, alike []string
	said := map[string][]PairedRun{}
	var order []string
	for _, p := range d.Pairs {
		name := fmt.Sprintf("%s, seed %d", p.Name, p.Seed)
		if p.Same() {
			same = append(same, fmt.Sprintf("%s (%s)", name, p.A))
			continue
		}
		var text strings.Builder
		if p.Problem != "" {
			fmt.Fprintf(&text, "\n  not compared: %s\n", printable(p.Problem))
		}
		writeSections(&text, p.Differences, "  ")
		if text.Len() == 0 {
			alike = append(alike, fmt.Sprintf("%s (%s, %s)", name, p.A, p.B))
			continue
		}
		if said[text.String()] == nil {
			order = append(order, text.String())
		}
		said[text.String()] = append(said[text.String()], p)
	}
	list("the same run in both", same)
	list("other runs, of which nothing differs"+ofWhat(only), alike)
	for _, text := range order {
		out.WriteByte('\n')
		for _, p := range said[text] {
			fmt.Fprintf(&out, "%s, seed %d: %s → %s\n", printable(p.Name), p.Seed, p.A, p.B)
		}
		out.WriteString(strings.TrimPrefix(text, "\n"))
	}
	_, err = io.WriteString(w, out.String())
	return err
}

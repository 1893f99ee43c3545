package report

import (
	"fmt"

	"ranklab/harness/record"
)

// subspace says what the run has recorded of its subspaces.
func (p *page) subspace(r record.Run) {
	rows, err := r.Subspace()
	if err == nil && len(rows) == 0 {
		return
	}
	p.title("subspaces")
	if err != nil {
		p.field("problem", err.Error())
		return
	}
	refreshes, bases := map[int]bool{}, map[string]bool{}
	var overlap, split, captured, chance mean
	for _, row := range rows {
		bases[fmt.Sprint(row.Layer, row.Module, row.Side)] = true
		if row.After > 0 {
			continue
		}
		refreshes[row.Step] = true
		overlap.add(row.Overlap)
		split.add(row.SplitOverlap)
		captured.add(row.Captured)
		chance.add(record.Float(row.Chance()))
	}
	p.field("recorded", fmt.Sprintf("%d rows of %d bases at %d refreshes, for figures with source = \"subspace\"", len(rows), len(bases), len(refreshes)))
	p.field("mean overlap", fmt.Sprintf("%s with the basis of before, %s of two half batches; by chance %s", overlap, split, chance))
	p.field("captured energy", captured.String())
}

// A mean is that of the finite numbers among those added.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(x record.Float) {
	if x.Finite() {
		m.sum += float64(x)
		m.n++
	}
}

func (m mean) String() string {
	if m.n == 0 {
		return "–"
	}
	return measure(m.sum / float64(m.n))
}

package export

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

// subspaceFields are the columns of subspace.csv behind those that say where a row
// stands: the fields of subspace.jsonl.
func subspaceFields() []string {
	return []string{
		"captured", "captured_old", "captured_best", "overlap", "split_overlap", "effective_rank", "stable_rank", "retention", "staleness", "orthogonality", "residual", "non_finite", "kept",
	}
}

// writeSubspace writes a line per row of subspace.jsonl, and nothing but the header
// for runs that did not ask for it.
func writeSubspace(out *csv.Writer, _ string, runs []Exported) error {
	place := []string{"step", "after", "layer", "module", "side", "rank", "dim"}
	out.Write(slices.Concat([]string{"run_id", "label", "seed"}, place, subspaceFields()))
	for _, x := range runs {
		rows, err := x.Run.SubspaceFields()
		if err != nil {
			return err
		}
		for _, row := range rows {
			line := []string{record.ShortID(x.Run.ID), x.Name, strconv.Itoa(x.Seed)}
			for _, name := range slices.Concat(place, subspaceFields()) {
				text, err := written(row, name)
				if err != nil {
					return err
				}
				line = append(line, text)
			}
			out.Write(line)
		}
	}
	return nil
}

// written is a field as it was written; "" where it is missing or was not finite.
func written(row record.Row, name string) (string, error) {
	raw := string(row.Fields[name])
	if raw == "null" {
		return "", nil
	}
	if len(raw) > 0 && raw[0] == '"' {
		text, err := strconv.Unquote(raw)
		if err != nil {
			return "", fmt.Errorf("%s at step %d: %w", name, row.Step, err)
		}
		return text, nil
	}
	return raw, nil
}

// A subspaceMean is the mean over the layers of one result at one update.
type subspaceMean struct {
	step  int
	tag   string // subspace/q_proj/overlap
	value float64
}

// subspaceMeans averages what was seen of the subspaces of a run over the layers of
// each kind of matrix, by update and tag. Results of a later gradient have the
// number of updates since the refresh in their tag.
func subspaceMeans(r record.Run) ([]subspaceMean, error) {
	rows, err := r.Subspace()
	if err != nil {
		return nil, err
	}
	type key struct {
		step int
		tag  string
	}
	sums, counts := map[key]float64{}, map[key]int{}
	for _, row := range rows {
		for name, v := range view.SubspaceValues(row) {
			if row.After > 0 {
				name = fmt.Sprintf("%s_%d", name, row.After)
			}
			k := key{row.Step, "subspace/" + row.Module + "/" + name}
			sums[k] += v
			counts[k]++
		}
	}
	var means []subspaceMean
	for k := range maps.Keys(sums) {
		means = append(means, subspaceMean{k.step, k.tag, sums[k] / float64(counts[k])})
	}
	slices.SortFunc(means, func(a, b subspaceMean) int { return cmp.Or(a.step-b.step, cmp.Compare(a.tag, b.tag)) })
	return means, nil
}

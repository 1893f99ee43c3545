package record

import (
	"encoding/json"
	"math"
)

// A SubspaceRow is one line of subspace.jsonl: what one basis of a projecting
// method looked like in one update. At a refresh (After 0) it holds everything, of
// later updates only Captured. A number that is not defined is null, and NaN when
// read; docs/diagnostics.md says what each one means.
type SubspaceRow struct {
	Step   int    `json:"step"`   // updates applied, this one included
	Layer  int    `json:"layer"`  // from 0
	Module string `json:"module"` // "q_proj"
	Side   string `json:"side"`   // of the gradient, on which the basis lies: "left" | "right"
	Rank   int    `json:"rank"`   // r
	Dim    int    `json:"dim"`    // d of the r × d basis: two random ones overlap by r/d
	After  int    `json:"after"`  // updates since the refresh was due

	Captured Float `json:"captured"` // share of the gradient's energy in the basis

	CapturedOld   Float `json:"captured_old"`   // in the basis of before
	CapturedBest  Float `json:"captured_best"`  // in the best basis of this rank
	Overlap       Float `json:"overlap"`        // with the basis of before
	SplitOverlap  Float `json:"split_overlap"`  // of the bases of two halves of the batch
	EffectiveRank Float `json:"effective_rank"` // of the gradient
	StableRank    Float `json:"stable_rank"`    // of the gradient
	Retention     Float `json:"retention"`      // of the first moment
	Staleness     Float `json:"staleness"`      // of the first moment
	Orthogonality Float `json:"orthogonality"`  // departure from orthonormal columns
	Residual      Float `json:"residual"`       // what the projection leaves of the gradient
	NonFinite     int   `json:"non_finite"`     // elements of the gradient
	Kept          bool  `json:"kept"`           // the refresh failed, the basis is the one of before
}

// Chance is the overlap of two random subspaces, and the share of an isotropic
// gradient's energy that any basis captures.
func (r SubspaceRow) Chance() float64 { return float64(r.Rank) / float64(r.Dim) }

// MarshalJSON implements [json.Marshaler].
func (r SubspaceRow) MarshalJSON() ([]byte, error) {
	type all SubspaceRow
	if r.After == 0 {
		return json.Marshal(all(r))
	}
	return json.Marshal(struct {
		Step     int    `json:"step"`
		Layer    int    `json:"layer"`
		Module   string `json:"module"`
		Side     string `json:"side"`
		Rank     int    `json:"rank"`
		Dim      int    `json:"dim"`
		After    int    `json:"after"`
		Captured Float  `json:"captured"`
	}{r.Step, r.Layer, r.Module, r.Side, r.Rank, r.Dim, r.After, r.Captured})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *SubspaceRow) UnmarshalJSON(data []byte) error {
	type all SubspaceRow
	nan := Float(math.NaN())
	row := all{
		Captured: nan, CapturedOld: nan, CapturedBest: nan, Overlap: nan, SplitOverlap: nan, EffectiveRank: nan, StableRank: nan,
		Retention: nan, Staleness: nan, Orthogonality: nan, Residual: nan,
	}
	err := json.Unmarshal(data, &row)
	*r = SubspaceRow(row)
	return err
}

// Subspace reads what was seen of the subspaces of a run. A run that did not ask
// for it has none.
func (r Run) Subspace() (rows []SubspaceRow, err error) {
	err = r.lines(subspaceFile, func(line []byte) error { return appendRow(&rows, line) })
	return rows, err
}

// SubspaceFields reads the same rows with every field as it was written.
func (r Run) SubspaceFields() (rows []Row, err error) {
	err = r.lines(subspaceFile, func(line []byte) error {
		row := Row{K: "subspace"}
		if err := json.Unmarshal(line, &row.Fields); err != nil {
			return err
		}
		if err := json.Unmarshal(row.Fields["step"], &row.Step); err != nil {
			return err
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// Subspace appends rows to subspace.jsonl, which is made for the first of them.
func (w *Writer) Subspace(rows []SubspaceRow) error {
	for _, r := range rows {
		if w.subspace == nil {
			if err := w.openSubspace(); err != nil {
				return err
			}
		}
		if err := w.subspace.append(r); err != nil {
			return err
		}
	}
	return nil
}

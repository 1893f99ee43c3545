package view

import (
	"math"
	"slices"
	"testing"

	"ranklab/harness/record"
)

// FuzzPromises reads arbitrary bytes as the claims, the contract and the published
// numbers of a sweep, and holds results against them. Every claim gets a verdict
// that its comparisons account for, every quantity a finding, and a table keeps a
// cell for each column.
func FuzzPromises(f *testing.F) {
	const claims = `[{"id":"c","expr":"ppl[galore, rank=32, update_proj_gap=50] <= 1.03 * ppl[adamw] and not loss[adamw] > 1/0"},{"expr":"optimizer_state_bytes[adamw] < 3 or min(lr[adamw],seed[adamw]) >= -1e300*1e300"}]`
	const contract = `{"same":["init","data_order","eval_set","tokens","parameters","rank","schedule","seed.init"],"where":{"method":["adamw","galore"]}}`
	const references = `[{"id":"p","source":"s","tolerance":0.02,"compare":{"ppl":"loss"},"scale":{"parameters":"2K","tokens":3,"dataset":"c4","rank":32},"values":[{"method":"adamw","ppl":20,"optimizer_state_bytes":"0.76G"},{"rank":[8,32],"ppl":0}]}]`
	f.Add([]byte(claims), []byte(contract), []byte(references))
	f.Add([]byte(`[{"expr":"ppl[galore] < 3"},{"expr":"ppl["},{"expr":"method[adamw] < 1"},{"expr":"ppl[method=3] < 1"}]`), []byte(`{"same":["","x","init"],"where":{"x":null}}`), []byte(`[{"id":"p","compare":{"ppl":""},"scale":{"x":[1],"tokens":null},"values":[null,{},{"ppl":null}]}]`))
	f.Add([]byte("null"), []byte("null"), []byte("null"))
	f.Add([]byte("[null]"), []byte("{}"), []byte("[null]"))
	rows := append(experiment(), comparison()...)
	rows = append(rows, of("sgd", 0, 20, inf)...)
	f.Fuzz(func(t *testing.T, claims, contract, references []byte) {
		d, err := Declared(record.Sweep{Experiment: "x", Claims: claims, Contract: contract, References: references})
		if err != nil {
			return
		}
		verdicts, _ := d.Judge(rows)
		if len(verdicts) != len(d.Claims) {
			t.Fatalf("%d verdicts on %d claims", len(verdicts), len(d.Claims))
		}
		for _, v := range verdicts {
			if !slices.Contains([]string{Pass, Fail, Inconclusive}, v.Result) {
				t.Fatalf("%+v", v)
			}
			open := true
			for _, c := range v.Comparisons {
				open = open && c.Result == Inconclusive
				if math.IsNaN(c.Estimate) && c.Result != Inconclusive && c.Result != Fail || c.Lo > c.Hi {
					t.Fatalf("%+v", c)
				}
			}
			if open && v.Result != Inconclusive {
				t.Fatalf("nothing is decided, yet: %+v", v)
			}
		}
		if d.Contract != nil {
			if findings := Examine(*d.Contract, rows); len(findings) != len(d.Contract.Same) {
				t.Fatalf("%d findings on %d quantities", len(findings), len(d.Contract.Same))
			}
		}
		for _, ref := range append(d.References, Reference{}) {
			g, err := d.Tabulate(Table{ID: "t", Rows: []string{"method", "rank", "update_proj_gap"}, Columns: []string{"ppl", "loss", "optimizer_state_bytes"}, Ngrams: true, Reference: ref.ID}, rows, 0, []record.Baseline{{Name: "unigram", Loss: 6}})
			if err == nil {
				for _, r := range slices.Concat(g.Rows, g.Baselines) {
					if len(r.Cells) != len(g.Columns) {
						t.Fatalf("%d cells in %d columns", len(r.Cells), len(g.Columns))
					}
				}
			}
			for _, figure := range []Figure{{ID: "f", Kind: Bar, X: "label", Y: "ppl", Reference: ref.ID}, {ID: "f", Kind: Line, X: "rank", Y: "ppl", Where: map[string]any{"method": "galore", "update_proj_gap": 50}, Reference: ref.ID}} {
				for _, s := range overlaysOf(d.References, figure, rows) {
					for _, p := range s.Points {
						if math.IsNaN(p.X) || math.IsNaN(p.Y) {
							t.Fatalf("figure %+v: %+v", figure, p)
						}
					}
				}
			}
		}
	})
}

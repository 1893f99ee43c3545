package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ranklab/harness/view"
)

const promised = `
[[table]]
id = "main"
rows = "method"
reference = "paper"
[[figure]]
id = "ppl"
kind = "bar"
x = "method"
y = "ppl"
reference = "paper"
[[claim]]
id = "close"
title = "Close to full rank"
expr = 'ppl[galore] <= 1.03 * ppl["adamw"] and not loss[method=galore, update_proj_gap=200] > loss[adamw]'
[contract]
same = ["init", "data_order", "eval_set", "tokens", "positions", "parameters", "schedule", "steps", "train.total_batch_size", "vocab_size"]
where = { method = ["adamw", "galore"] }
[[reference]]
id = "paper"
source = "arXiv:2403.03507 Table 2, 130M"
title = "paper"
tolerance = 0.02
known_bias = "GaLore#77"
compare = { ppl = "ppl_galore77" }
scale = { parameters = "130M", tokens = 2.2e9, dataset = "c4", rank = 256 }
values = [
  { method = "adamw", ppl = 25.08, paper_bytes = "0.76G" },
  { method = "relora", rank = 256, ppl = 29.37 },
]
`

// What is declared arrives as it was written, and changes no run.
func TestPromises(t *testing.T) {
	x, plain := mustLoad(t, promised+twoMethods, nil), mustLoad(t, twoMethods, nil)
	if x.Runs[0].Run.RunID(Digests{}) != plain.Runs[0].Run.RunID(Digests{}) {
		t.Error("a declaration changed the id of a run")
	}
	want := view.Declarations{
		Figures:  []view.Figure{{ID: "ppl", Kind: "bar", X: "method", Y: "ppl", Reference: "paper"}},
		Tables:   []view.Table{{ID: "main", Rows: []string{"method"}, Reference: "paper"}},
		Claims:   []view.Claim{{ID: "close", Title: "Close to full rank", Expr: `ppl[galore] <= 1.03 * ppl["adamw"] and not loss[method=galore, update_proj_gap=200] > loss[adamw]`}},
		Contract: &view.Contract{Same: []string{"init", "data_order", "eval_set", "tokens", "positions", "parameters", "schedule", "steps", "train.total_batch_size", "vocab_size"}, Where: map[string]any{"method": []any{"adamw", "galore"}}},
		References: []view.Reference{{
			ID: "paper", Source: "arXiv:2403.03507 Table 2, 130M", Title: "paper", Tolerance: 0.02, KnownBias: "GaLore#77", Compare: map[string]string{"ppl": "ppl_galore77"},
			Scale:  map[string]any{"parameters": "130M", "tokens": 2.2e9, "dataset": "c4", "rank": 256},
			Values: []map[string]any{{"method": "adamw", "ppl": 25.08, "paper_bytes": "0.76G"}, {"method": "relora", "rank": 256, "ppl": 29.37}},
		}},
	}
	if d := cmp.Diff(want, x.Declarations); d != "" {
		t.Errorf("declared (-want +got):\n%s", d)
	}
}

// The place of a piece of a string survives every way to write it.
func TestWithin(t *testing.T) {
	for _, text := range []string{
		`a = "one two three"`, `a = 'one two three'`, `a = "one\ttwo three"`, `a = "\u00e9\U0001F600 two \"three\""`,
		"a = \"\"\"\none\n two \\\n   three\"\"\"", "a = '''\none\n two three'''", "a = \"\"\"one \\\"two\\\" three\"\"\"", "a = \"é two three\"",
	} {
		problems := &collector{}
		n := parse(newSource("x.toml", text), problems).get("a")
		if err := problems.err(); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, word := range []string{"two", "three"} {
			start := strings.Index(n.str, word)
			if p := n.within(start, start+len(word)); p.src.text[p.start:p.end] != word {
				t.Errorf("%s: %s is at %q", text, word, p.src.text[p.start:p.end])
			}
		}
		if p := n.within(0, len(n.str)); p.start < n.pos.start || p.end > n.pos.end {
			t.Errorf("%s: the whole is %q", text, p.src.text[p.start:p.end])
		}
	}
}

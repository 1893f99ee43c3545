package view_test

import (
	"reflect"
	"slices"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/stats"
	"ranklab/harness/view"
)

// TestHiddenSettings compares two runs that differ in one setting that the table
// does not show, for every key of a run: it is said, or the runs are not compared,
// unless the key is one of a method, which methods differ in, or changes no
// number.
func TestHiddenSettings(t *testing.T) {
	silent := []string{
		"layerwise", "activation_checkpointing", "subspace", "after", "nth_refresh", "select_tokens", // same bits
		"source", "modules", "paths", "from", "tokenizer", "tokenizer_model", // digests tell of data
		"every", "batch_size", // of the evaluation: when, and for ppl_galore77 alone
		"preset",                                                            // stands for others
		"log_every", "checkpoint_every", "keep_checkpoints", "digest_every", // change no run
	}
	sections := reflect.TypeFor[spec.Run]()
	for i := range sections.NumField() {
		section := sections.Field(i)
		for _, f := range reflect.VisibleFields(section.Type) {
			name := f.Tag.Get("toml")
			if f.Anonymous || section.Name == "Method" || section.Name == "Seed" || slices.Contains(silent, name) {
				continue
			}
			g := differing(t, name)
			if r := g.Rows[1]; len(r.Notes) != 1 {
				t.Errorf("%s.%s differs, and the notes are %q", section.Name, name, r.Notes)
			}
		}
	}
	if g := differing(t, "scale"); len(g.Rows[1].Notes) != 0 {
		t.Errorf("methods differ: %q", g.Rows[1].Notes)
	}
}

func differing(t *testing.T, name string) view.Grid {
	t.Helper()
	var sweep record.Sweep
	var runs []record.Run
	for i, method := range []string{"adamw", "galore"} {
		for seed := range 3 {
			id := string(rune('a'+i)) + string(rune('a'+seed)) + "aaaaaaaaaa"
			sweep.Runs = append(sweep.Runs, record.SweepRun{ID: id, Variant: method, Seed: seed})
			eval := record.EvalRow{PPL: record.Float(20 + seed*seed + i*seed), Targets: 1}
			runs = append(runs, record.Run{
				ID: id, Summary: &record.Summary{ID: id, State: record.Done, Final: eval},
				Origins: []record.Origin{{Variant: method, Kind: method, Settings: map[string]any{name: 10 + i, "seed.init": seed}}},
			})
		}
	}
	rows, _ := view.Rows(sweep, runs)
	g, err := view.Tabulate(view.Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl"}, CompareTo: map[string]any{"method": "adamw"}}, rows, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What a reader of a run must know stands under figures and tables.
func TestWarningsOfRunsAreShown(t *testing.T) {
	eval := record.EvalRow{PPL: 20, Targets: 1}
	rows, _ := view.Rows(record.Sweep{Runs: []record.SweepRun{{ID: "aaaaaaaaaaaa", Variant: "galore"}}}, []record.Run{{
		ID: "aaaaaaaaaaaa", Summary: &record.Summary{ID: "aaaaaaaaaaaa", State: record.Done, Final: eval},
		Origins: []record.Origin{{Variant: "galore", Kind: "galore", Settings: map[string]any{"rank": 8}}},
	}})
	rows[0].Warnings = []stats.Warning{{Kind: stats.UnequalBudgets, Text: "tuned with 3 trials, others with 5"}}
	g, err := view.Tabulate(view.Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl"}}, rows, 0, nil)
	if err != nil || !slices.Contains(stats.Texts(g.Rows[0].Notes), "tuned with 3 trials, others with 5") {
		t.Errorf("%v, table notes %q", err, g.Rows[0].Notes)
	}
	c, err := view.Query(view.Figure{ID: "f", Kind: view.Line, X: "rank", Y: "ppl"}, rows, 0)
	if err != nil || !slices.Contains(c.Warnings, "galore: tuned with 3 trials, others with 5") {
		t.Errorf("%v, figure warnings %q", err, c.Warnings)
	}
}

package view

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ranklab/harness/record"
	"ranklab/harness/stats"
)

// evidenced is a run of a method with a record of what it started from: weights
// that follow from the seed of init, an order that follows from that of data.
func evidenced(method string, init, data, steps int) Row {
	r := run(method, init, 20, map[string]any{
		"steps": steps, "seed.init": init, "seed.data": data, "corpus_digest": "corpus", "tokenizer_digest": "tokenizer", "packing": "concat", "max_length": 16,
		"tokens": 300, "vocab_size": 512, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "scheduler": "cosine", "warmup_steps": 2,
	})
	r.Label = method
	r.ID = fmt.Sprintf("%s-%d-%d", method, init, data)
	r.Results["tokens_seen"], r.Results["positions"] = float64(steps*64), float64(steps*64)
	e := &record.Evidence{
		Init: map[string]string{"embed": fmt.Sprint("embed-of-", init), "head": fmt.Sprint("head-of-", init)},
		Eval: record.EvalSet{Digest: "evaluation", Sequences: 19, Targets: 300},
	}
	switch method {
	case "lowrank":
		e.Own = map[string]string{"q.lora_A": "a", "q.lora_B": "b"}
	case "lora":
		e.Own = map[string]string{"q.lora_A": "c", "q.lora_B": "d"}
		fallthrough
	default:
		e.Init["q"] = fmt.Sprint("q-of-", init)
	}
	e.Order = record.Order{Sequences: 100, Read: int64(steps * 4)}
	for n := int64(1); n < e.Order.Read; n *= 2 {
		e.Order.Prefixes = append(e.Order.Prefixes, record.OrderDigest{Sequences: n, Digest: fmt.Sprintf("%d-first-of-%d", n, data)})
	}
	e.Order.Prefixes = append(e.Order.Prefixes, record.OrderDigest{Sequences: e.Order.Read, Digest: fmt.Sprintf("%d-first-of-%d", e.Order.Read, data)})
	r.Evidence = e
	return r
}

// all is a contract over everything.
var all = Contract{Same: []string{"init", "data_order", "eval_set", "tokens", "positions", "parameters", "data", "tokenizer", "schedule", "steps", "vocab_size"}}

func comparison() []Row {
	var rows []Row
	for seed := range 2 {
		for _, m := range []string{"adamw", "galore", "lora", "lowrank"} {
			rows = append(rows, evidenced(m, seed, seed, 12))
		}
	}
	return rows
}

func texts(findings []Finding) map[string]string {
	m := make(map[string]string)
	for _, f := range findings {
		m[f.Quantity] = f.Text
	}
	return m
}

func TestContractHolds(t *testing.T) {
	findings := Examine(all, comparison())
	want := map[string]string{
		"init":       "same for all 8 runs, seed by seed; 1 tensor of the model that lowrank has not; beside it 2 tensors of its own in lora, lowrank",
		"data_order": "same for all 8 runs, seed by seed",
		"eval_set":   "same for all 8 runs",
		"tokens":     "same for all 8 runs, of every seed",
		"positions":  "same for all 8 runs", "parameters": "same for all 8 runs", "data": "same for all 8 runs", "tokenizer": "same for all 8 runs",
		"schedule": "same for all 8 runs", "steps": "same for all 8 runs", "vocab_size": "same for all 8 runs",
	}
	if d := cmp.Diff(want, texts(findings)); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
	if b := CheckContract(all, comparison()); b != nil {
		t.Errorf("breaches %+v", b)
	}
}

// Whatever differs is found, in its quantity alone, with the runs that differ.
func TestContractCatches(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *Row) // of the GaLore run of seed 1
		want   map[string]string
	}{
		"another stream of init": {
			func(r *Row) { id := r.ID; *r = evidenced("galore", 0, 1, 12); r.ID, r.Seed = id, 1 },
			map[string]string{"init": "seed 1: 3 of 3 tensors, the first embed (adamw, lora, lowrank: embed-of-1; galore: embed-of-0)"},
		},
		"another order of the data": {
			func(r *Row) { id := r.ID; *r = evidenced("galore", 1, 0, 12); r.ID = id },
			map[string]string{"data_order": "seed 1: over the first 48 sequences: adamw, lora, lowrank: 48-first-of-1; galore: 48-first-of-0"},
		},
		"another evaluation set": {
			func(r *Row) { r.Evidence.Eval = record.EvalSet{Digest: "shorter", Sequences: 9, Targets: 144} },
			map[string]string{"eval_set": "adamw, galore, lora, lowrank: 300 targets in 19 sequences (evaluation); galore: 144 targets in 9 sequences (shorter)"},
		},
		"another vocabulary": {
			func(r *Row) {
				r.Settings["vocab_size"], r.Settings["tokenizer_digest"] = 300.0, "smaller"
				r.Evidence.Init["embed"], r.Evidence.Init["head"], r.Evidence.Eval.Digest = "small", "small", "other"
				for i := range r.Evidence.Order.Prefixes {
					r.Evidence.Order.Prefixes[i].Digest += " other tokens"
				}
			},
			map[string]string{"init": "2 of 3 tensors", "data_order": "seed 1", "eval_set": "300 targets", "parameters": "galore", "tokenizer": "smaller", "vocab_size": "300"},
		},
		"fewer updates": {
			func(r *Row) { id := r.ID; *r = evidenced("galore", 1, 1, 9); r.ID = id },
			map[string]string{"tokens": "seed 1: adamw, lora, lowrank: 768; galore: 576", "positions": "576", "steps": "9", "schedule": "steps 9"},
		},
		"another schedule": {
			func(r *Row) { r.Settings["scheduler"] = "linear" },
			map[string]string{"schedule": "scheduler linear"},
		},
	} {
		rows := comparison()
		changed := &rows[5]
		if changed.Method != "galore" || changed.Seed != 1 {
			t.Fatal("not the run that is meant")
		}
		c.change(changed)
		got := make(map[string]string)
		for _, b := range CheckContract(all, rows) {
			got[b.Quantity] = b.Text
			if len(b.IDs) != 1 || b.IDs[0] != shortID(changed.ID) || b.Unknown {
				t.Errorf("%s: breach of %v, want %s alone", name, b.IDs, shortID(changed.ID))
			}
			if !strings.Contains(b.Text, c.want[b.Quantity]) || c.want[b.Quantity] == "" {
				t.Errorf("%s: %s: %q, want %q", name, b.Quantity, b.Text, c.want[b.Quantity])
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: breaches %v, want %d", name, got, len(c.want))
		}
	}
}

// Runs of different length share the order as far as the shorter goes.
func TestContractOverLengths(t *testing.T) {
	rows := []Row{evidenced("adamw", 0, 0, 12), evidenced("galore", 0, 0, 100)}
	f := Examine(Contract{Same: []string{"data_order"}}, rows)[0]
	if len(f.Breaches) > 0 || f.Text != "same for all 2 runs; compared over the first 32 sequences of up to 400" {
		t.Errorf("%+v", f)
	}
}

// A stream that is fixed for every run is shared all the more.
func TestContractWithAFixedStream(t *testing.T) {
	var rows []Row
	for seed := range 3 {
		for _, m := range []string{"adamw", "galore"} {
			r := evidenced(m, 7, seed, 12)
			r.Seed = seed
			rows = append(rows, r)
		}
	}
	got := texts(Examine(Contract{Same: []string{"init", "data_order"}}, rows))
	if got["init"] != "same for all 6 runs, of every seed" || got["data_order"] != "same for all 6 runs, seed by seed" {
		t.Errorf("%q", got)
	}
}

// What was not recorded is derived from digests and settings where it follows
// from them; the initial weights do not.
func TestContractOfOldRecords(t *testing.T) {
	rows := comparison()
	rows[0].Evidence = nil
	got := texts(Examine(all, rows))
	for quantity, want := range map[string]string{
		"init":       "not recorded for 1 run (adamw)",
		"data_order": "same for all 8 runs, seed by seed; derived from the digest of the data and the settings, since not recorded for adamw",
		"eval_set":   "same for all 8 runs; derived from",
	} {
		if !strings.HasPrefix(got[quantity], want) {
			t.Errorf("%s: %q, want %q", quantity, got[quantity], want)
		}
	}
	breaches := CheckContract(all, rows)
	if len(breaches) != 1 || !breaches[0].Unknown || breaches[0].Quantity != "init" || len(breaches[0].IDs) != 1 {
		t.Errorf("breaches %+v, want that of the initial weights", breaches)
	}
	for name, change := range map[string]string{"tokens": "eval_set", "seed.data": "data_order", "packing": "data_order", "corpus_digest": "data"} {
		rows := comparison()
		rows[0].Evidence = nil
		rows[0].Settings[name] = "changed"
		found := false
		for _, b := range CheckContract(all, rows) {
			found = found || b.Quantity == change && !b.Unknown
		}
		if !found {
			t.Errorf("%s: no breach of %s", name, change)
		}
	}
	delete(rows[0].Settings, "corpus_digest")
	unknown := 0
	for _, b := range CheckContract(all, rows) {
		if b.Unknown {
			unknown++
		}
	}
	if unknown != 4 {
		t.Errorf("without a digest of the data %d quantities are unknown, want init, data_order, eval_set and data", unknown)
	}
}

func TestContractBindsTheRunsItNames(t *testing.T) {
	rows := append(comparison(), evidenced("sgd", 0, 5, 3))
	if b := CheckContract(all, rows); len(b) == 0 {
		t.Error("a run that differs was not noticed")
	}
	bound := all
	bound.Where = map[string]any{"method": []any{"adamw", "galore", "lora", "lowrank"}}
	if b := CheckContract(bound, rows); len(b) != 0 {
		t.Errorf("a run that is not bound: %+v", b)
	}
	bound.Where = map[string]any{"method": "muon"}
	if b := CheckContract(bound, rows); len(b) != len(all.Same) || !b[0].Unknown {
		t.Errorf("no run is bound: %+v", b)
	}
	diverged := comparison()
	diverged[0].Diverged, diverged[0].Results["tokens_seen"], diverged[0].Results["positions"], diverged[0].Results["ppl"] = true, 64, 64, math.NaN()
	if b := CheckContract(all, diverged); len(b) != 0 {
		t.Errorf("a run that diverged early: %+v", b)
	}
}

// A table marks the rows that break the contract, a figure says so, and a claim
// about them carries a note.
func TestBreachesAreFootnotes(t *testing.T) {
	rows := comparison()
	rows[5].Evidence.Eval.Digest = "other"
	d := Declarations{Contract: &all, Claims: []Claim{{ID: "a", Expr: "ppl[galore] < ppl[adamw]"}, {ID: "b", Expr: "ppl[lora] < ppl[adamw]"}}}
	const note = "contract: eval_set differs: "
	g, err := d.Tabulate(Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl"}}, rows, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range g.Rows {
		has := strings.Contains(strings.Join(stats.Texts(r.Notes), "\n"), note)
		if want := r.Cells[0].Text == "galore"; has != want {
			t.Errorf("%s: notes %q", r.Cells[0].Text, r.Notes)
		}
	}
	for where, want := range map[string]bool{"galore": true, "lora": false} {
		c, err := d.Query(Figure{ID: "f", Kind: Bar, X: "method", Y: "ppl", Where: map[string]any{"method": where}}, rows, 0)
		if err != nil || strings.Contains(strings.Join(c.Warnings, "\n"), note) != want {
			t.Errorf("figure of %s: warnings %q, %v", where, c.Warnings, err)
		}
	}
	verdicts, err := d.Judge(rows)
	if err != nil || !strings.Contains(strings.Join(verdicts[0].Notes, "\n"), note) || strings.Contains(strings.Join(verdicts[1].Notes, "\n"), note) {
		t.Errorf("verdicts %+v, %v", verdicts, err)
	}
	none := Declarations{}
	plain, err := none.Tabulate(Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl"}}, rows, 0, nil)
	if err != nil || len(plain.Rows[0].Notes) != 0 {
		t.Errorf("without a contract: %+v, %v", plain.Rows[0].Notes, err)
	}
}

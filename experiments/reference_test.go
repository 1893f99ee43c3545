package experiments_test

import (
	"slices"
	"strings"
	"testing"

	"ranklab/harness/footprint"
	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/harness/view"
)

// Published memory follows from model and method, so that it can be held against
// own runs of any length on any text; published perplexities only against runs
// of their own scale.
func TestPublishedTable2(t *testing.T) {
	x := load(t, "paper/table2-130m")
	var rows []view.Row
	for _, inst := range x.Runs {
		r := inst.Run
		rule, ok := footprint.Paper(r.Model.Preset, footprint.Method{Kind: r.Method.Kind, Rank: r.Method.Rank})
		if !ok {
			t.Fatalf("no rule for %s", inst.Label)
		}
		row := view.Row{
			ID: inst.Label, Label: inst.Label, Method: inst.Variant, Kind: r.Method.Kind, Seed: inst.Seed, Settings: make(map[string]any),
			Results: map[string]float64{"paper_bytes": float64(rule.Total()), "ppl_galore77": 25, "tokens_seen": 4096},
			Metrics: func() (record.Metrics, error) { return record.Metrics{}, nil },
		}
		for name, v := range r.Settings() {
			if n, isInt := v.(int); isInt {
				v = float64(n)
			}
			row.Settings[name] = v
		}
		rows = append(rows, row)
	}
	deviations := func(column string) (texts []string, notes string) {
		g, err := x.Tabulate(x.Tables[0], rows, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(g.Columns, func(c view.Column) bool { return c.Name == column })
		if i < 0 {
			t.Fatalf("no column %s", column)
		}
		for _, r := range g.Rows {
			texts = append(texts, r.Cells[i].Text)
			notes += strings.Join(stats.Texts(r.Notes), "\n") + "\n"
		}
		return texts, notes
	}
	memory, _ := deviations("paper_bytes_deviation")
	if want := []string{"+0.2 %, within 2 %", "+1.8 %, within 2 %", "+2.0 %, within 2 %", "+0.6 %, within 2 %", "+0.6 %, within 2 %"}; !slices.Equal(memory, want) {
		t.Errorf("memory of adamw, galore, lowrank, lora, relora: %q, want %q", memory, want)
	}
	ppl, notes := deviations("ppl_deviation")
	if slices.ContainsFunc(ppl, func(text string) bool { return text != "not comparable" }) || !strings.Contains(notes, "tokens: 4.1k, not 2.2B") || strings.Contains(notes, "dataset") {
		t.Errorf("after 4,096 tokens: %q\n%s", ppl, notes)
	}
	for _, r := range rows {
		r.Results["tokens_seen"] = 2.2e9
	}
	if ppl, notes = deviations("ppl_deviation"); ppl[0] != "-0.3 %, within 2 %" || strings.Contains(notes, "not comparable") {
		t.Errorf("at the paper's scale: %q\n%s", ppl, notes)
	}
}

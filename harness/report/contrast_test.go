package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/harness/view"
)

// comparisons stores a sweep of four methods with four seeds, one of which
// diverged, and one method with a single seed.
func comparisons(t *testing.T) (record.Sweep, []view.Row) {
	t.Helper()
	root := t.TempDir()
	s := record.Sweep{Experiment: "compared", Baselines: []record.Baseline{{Name: "unigram", Loss: 6.1, PPL: 445.9, BitsPerByte: 2.77}}}
	noise := func(i, seed int) float64 { return 0.004 * float64((i*7+seed*5)%4) }
	for i, m := range []struct {
		method, label string
		loss          float64
		seeds         int
	}{{"adamw", "Full-Rank", 3.6, 4}, {"galore", "GaLore", 3.5, 4}, {"lora", "LoRA", 3.601, 4}, {"again", "", 3.6, 4}, {"relora", "ReLoRA_{1}", 3.65, 4}, {"one", "", 3.7, 1}} {
		for seed := range m.seeds {
			loss := m.loss + 0.05*float64(seed) + noise(i, seed)
			switch {
			case m.method == "again":
				loss = 3.6 + 0.05*float64(seed) + noise(0, seed)
			case m.method == "relora" && seed == 2:
				loss = math.NaN()
			}
			store(t, root, &s, m.method, m.label, seed, loss, nil)
		}
	}
	must(t, view.Declarations{Tables: []view.Table{
		{ID: "main_1", Title: "100 % of R&D", Rows: []string{"method"}, Columns: []string{"ppl", "loss", "weights_bytes"}, Ngrams: true, CompareTo: map[string]any{"method": "adamw"}},
		{ID: "both", Rows: []string{"method"}, Columns: []string{"ppl", "loss", "tokens_per_second"}, CompareTo: map[string]any{"method": "adamw"}, Compare: []string{"loss", "tokens_per_second"}},
	}}.Declare(&s))
	runs, err := record.List(root)
	must(t, err)
	rows, _ := view.Rows(s, runs)
	return s, rows
}

func TestComparedTables(t *testing.T) {
	s, rows := comparisons(t)
	for format, file := range map[string]string{Text: "compared.txt", Markdown: "compared.md", LaTeX: "compared.tex", CSV: "compared.csv", JSON: "compared.json"} {
		var b bytes.Buffer
		must(t, WriteTables(&b, s, rows, format))
		golden(t, file, b.String())
		if format == JSON && !json.Valid(b.Bytes()) {
			t.Error("invalid JSON")
		}
	}
}

// Every cell of a comparison tells the same in all formats: what CSV holds in
// full is what the text rounds.
func TestComparedCSVIsRectangular(t *testing.T) {
	s, rows := comparisons(t)
	declared, err := view.Declared(s)
	must(t, err)
	for _, table := range declared.Tables {
		g, err := view.Tabulate(table, rows, 0, s.Baselines)
		must(t, err)
		var b bytes.Buffer
		must(t, writeCSV(&b, g))
		lines, err := csv.NewReader(&b).ReadAll() // lines of equal length
		must(t, err)
		for k, c := range g.Comparisons {
			at := slices.Index(lines[0], c.Column.Name+"_verdict")
			if at < 0 {
				t.Fatalf("header %q", lines[0])
			}
			for i, r := range g.Rows {
				want := string(r.Contrasts[k].Verdict())
				if r.Contrasts[k].Baseline {
					want = "baseline"
				}
				if got := lines[1+i][at]; got != want {
					t.Errorf("row %d: verdict %q, want %q", i, got, want)
				}
				if p := lines[1+i][at-1]; r.Contrasts[k].Compared() && p != fmt.Sprint(r.Contrasts[k].Holm) && p != view.Number(r.Contrasts[k].Holm) {
					t.Errorf("row %d: p %s, want %v", i, p, r.Contrasts[k].Holm)
				}
			}
		}
	}
}

func TestContrastText(t *testing.T) {
	d := func(estimate, half, holm float64) view.Contrast {
		x := stats.NoDifference()
		x.Design, x.N, x.Estimate, x.Lo, x.Hi, x.P, x.Holm = stats.ByBlocks, 3, estimate, estimate-half, estimate+half, holm, holm
		return view.Contrast{Difference: x, Against: "adamw"}
	}
	same := d(0, 1, 1)
	same.Identical = true
	few := d(0.1, 0.01, 0.02)
	few.N = 2
	designs := []view.RowDesign{{Baseline: "adamw", Seeds: 3}}
	for _, c := range []struct {
		want     string
		ratio    bool
		contrast view.Contrast
	}{
		{"baseline", true, view.Contrast{Difference: stats.NoDifference(), Baseline: true}},
		{"–", true, view.Contrast{Difference: stats.NoDifference()}},
		{"=", true, same},
		{"~ (p=0.31)", true, d(0.01, 0.02, 0.31)},
		{"~ (p=1)", true, d(0.01, 0.02, 1)},
		{"+1.01\u00a0% ± 0.71 (p=0.004)", true, d(0.01, 0.007, 0.004)},
		{"−9.52\u00a0% ± 0.63 (p<0.001)", true, d(-0.1, 0.007, 1e-9)},
		{"+0.100 ± 0.070 (p=0.021)", false, d(0.1, 0.07, 0.0212)},
		{"+0.100 ± 0.010 (p=0.02, n=2)", false, few},
		{"−0.1000 ± 0.0012 (p=0.02)", false, d(-0.1, 0.00123, 0.02)},
	} {
		got := contrastText(view.Comparison{Ratio: c.ratio, Designs: designs}, 0, view.GridRow{Contrasts: []view.Contrast{c.contrast}})
		if got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if got := contrastText(view.Comparison{}, 0, view.GridRow{Label: "unigram"}); got != "–" {
		t.Errorf("a model of n-grams: %q", got)
	}
}

// A table that compares nothing is written as it always was.
func TestTablesWithoutComparisonsKeepTheirBytes(t *testing.T) {
	s, rows := comparisons(t)
	table := view.Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl"}}
	g, err := view.Tabulate(table, rows, 0, s.Baselines)
	must(t, err)
	for _, format := range []string{Text, Markdown, LaTeX, CSV} {
		var b bytes.Buffer
		must(t, writeGrid(&b, g, format))
		if strings.Contains(b.String(), "Δ") || strings.Contains(b.String(), "_p") || strings.Contains(b.String(), "Holm") {
			t.Errorf("%s:\n%s", format, &b)
		}
	}
	out, err := json.Marshal(tablesJSON(s, []view.Grid{g}))
	must(t, err)
	if strings.Contains(string(out), "comparisons") || strings.Contains(string(out), "_vs") {
		t.Errorf("%s", out)
	}
}

package view

import (
	"math"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/stats"
)

// paper is a reference whose runs have 21 thousand parameters and 768 tokens.
func paper() Reference {
	return Reference{
		ID: "paper", Source: "arXiv:2403.03507 Table 2", Title: "GaLore paper", KnownBias: "N+1 batches (GaLore#77)", Tolerance: 0.02,
		Compare: map[string]string{"ppl": "ppl_galore77"},
		Scale:   map[string]any{"parameters": "21K", "tokens": 768.0, "dataset": "c4", "rank": 8.0},
		Values: []map[string]any{
			{"method": "adamw", "ppl": 25.0, "paper_bytes": "0.76G"},
			{"method": "galore", "ppl": 30.0, "paper_bytes": "0.52G"},
			{"method": "relora", "ppl": 29.37},
		},
	}
}

// published are runs of the reference's own scale.
func published() []Row {
	var rows []Row
	for seed := range 2 {
		for _, m := range []string{"adamw", "galore", "lowrank"} {
			r := evidenced(m, seed, seed, 12)
			r.Settings["source"] = "c4"
			if m != "adamw" {
				r.Settings["rank"] = 8.0
			}
			r.Results["ppl_galore77"] = map[string]float64{"adamw": 25.2, "galore": 33, "lowrank": 40}[m] + float64(seed)/10
			r.Results["ppl"] = 100
			r.Results["paper_bytes"] = map[string]float64{"adamw": 780e6, "galore": 530e6, "lowrank": 1}[m]
			rows = append(rows, r)
		}
	}
	return rows
}

// cells returns the texts of a table's columns by row.
func cells(t *testing.T, g Grid, column string) []string {
	t.Helper()
	i := slices.IndexFunc(g.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 {
		t.Fatalf("no column %s", column)
	}
	var texts []string
	for _, r := range g.Rows {
		if len(r.Cells) != len(g.Columns) {
			t.Fatalf("%d cells in %d columns", len(r.Cells), len(g.Columns))
		}
		texts = append(texts, r.Cells[i].Text)
	}
	return texts
}

func withReference(t *testing.T, columns []string, rows []Row) Grid {
	t.Helper()
	d := Declarations{References: []Reference{paper()}}
	g, err := d.Tabulate(Table{ID: "t", Rows: []string{"method"}, Columns: columns, Reference: "paper"}, rows, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestDeviations(t *testing.T) {
	g := withReference(t, []string{"ppl_galore77", "paper_bytes", "lr"}, published())
	for column, want := range map[string][]string{
		"ppl_published":         {"25", "30", "–"},
		"ppl_deviation":         {"+1.0 %, within 2 %", "+10.2 %, outside 2 %", "–"}, // of 25.25 and 33.05
		"paper_bytes_published": {"0.76G", "0.52G", "–"},
		"paper_bytes_deviation": {"+0.2 %, within 2 %", "-0.5 %, within 2 %", "–"},
	} {
		if got := cells(t, g, column); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", column, got, want)
		}
	}
	var names []string
	for _, c := range g.Columns {
		names = append(names, c.Name)
	}
	if want := []string{"method", "ppl_galore77", "ppl_published", "ppl_deviation", "paper_bytes", "paper_bytes_published", "paper_bytes_deviation", "lr"}; !slices.Equal(names, want) {
		t.Errorf("columns %q, want %q", names, want)
	}
	notes := strings.Join(stats.Texts(g.Notes), "\n")
	for _, want := range []string{"published: arXiv:2403.03507 Table 2", "known bias of the published numbers: N+1", "the published ppl is compared with ppl_galore77"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q lack %q", stats.Texts(g.Notes), want)
		}
	}
	if unit := g.Columns[5].Unit; unit != "G = 1024·10⁶ bytes" {
		t.Errorf("unit %q", unit)
	}
	// A table that shows the published column alone is compared with the own one all the same.
	g = withReference(t, []string{"ppl"}, published())
	if got := cells(t, g, "ppl_deviation"); got[0] != "+1.0 %, within 2 %" {
		t.Errorf("beside ppl: %q", got)
	}
}

// What is not comparable is said to be, with every reason; memory follows from
// the model, whatever it was trained on.
func TestNotComparable(t *testing.T) {
	rows := published()
	for i := range rows {
		rows[i].Settings["source"] = "gomod"
		rows[i].Results["tokens_seen"] = 1e6
	}
	g := withReference(t, []string{"ppl_galore77", "paper_bytes"}, rows)
	if got := cells(t, g, "ppl_deviation"); got[0] != "not comparable" || got[2] != "–" {
		t.Errorf("%q", got)
	}
	if got := cells(t, g, "paper_bytes_deviation"); got[0] != "+0.2 %, within 2 %" {
		t.Errorf("memory: %q", got)
	}
	if want := "not comparable with the published ppl (dataset: gomod, not c4; tokens: 1M, not 768)"; !slices.Contains(stats.Texts(g.Rows[0].Notes), want) {
		t.Errorf("notes %q, want %q", stats.Texts(g.Rows[0].Notes), want)
	}
	for i := range rows {
		rows[i].Settings["vocab_size"] = 600.0
		if rows[i].Method == "galore" {
			rows[i].Settings["rank"] = 16.0
		}
	}
	g = withReference(t, []string{"paper_bytes"}, rows)
	if want := "not comparable with the published paper_bytes (parameters: 23.6k, not 21k; rank: 16, not 8)"; !slices.Contains(stats.Texts(g.Rows[1].Notes), want) {
		t.Errorf("notes %q, want %q", stats.Texts(g.Rows[1].Notes), want)
	}
}

// Published numbers take no part in the order of rows.
func TestReferencesDoNotRank(t *testing.T) {
	d := Declarations{References: []Reference{paper()}}
	for _, reference := range []string{"", "paper"} {
		g, err := d.Tabulate(Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl_galore77"}, Sort: "ppl_galore77", Reference: reference}, published(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := cells(t, g, "method"); !slices.Equal(got, []string{"adamw", "galore", "lowrank"}) {
			t.Errorf("%q: order %q", reference, got)
		}
	}
	g, err := d.Tabulate(Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl"}, Reference: "other"}, published(), 0, nil)
	if err != nil || !slices.Contains(stats.Texts(g.Notes), `there is no reference "other"`) {
		t.Errorf("notes %q, %v", g.Notes, err)
	}
}

// overlaysOf returns the published numbers that a figure marks; none where it
// cannot be drawn.
func overlaysOf(refs []Reference, f Figure, rows []Row) []Series {
	c, err := Declarations{References: refs}.Query(f, rows, 0)
	if err != nil {
		return nil
	}
	return c.Overlays
}

func TestOverlays(t *testing.T) {
	refs := []Reference{paper()}
	series := overlaysOf(refs, Figure{ID: "f", Kind: Bar, X: "method", Y: "ppl_galore77", Reference: "paper"}, published())
	if len(series) != 1 || len(series[0].Points) != 2 || series[0].Label != "published, GaLore paper" {
		t.Fatalf("overlays %+v", series)
	}
	for i, p := range series[0].Points {
		if want := []float64{25, 30}[i]; p.X != float64(i) || p.Y != want || !math.IsNaN(p.Lo) || len(p.IDs) != 0 || p.N != 0 {
			t.Errorf("point %+v", p)
		}
	}
	// Along a curve the numbers stand at the end of the published runs; in a
	// frontier at the published size.
	curve := published()
	for i := range curve {
		curve[i].Settings["rank"] = 8.0
	}
	if s := overlaysOf(refs, Figure{ID: "f", Kind: Line, X: "rank", Y: "ppl_galore77", Group: []string{"method"}, Reference: "paper"}, curve); len(s) != 2 || s[1].Points[0].X != 8 || s[1].Label != "published, GaLore paper: galore" {
		t.Errorf("against a setting: %+v", s)
	}
	// Of several runs that an entry selects, the comparable ones are marked.
	ranks := published()
	for i := range ranks {
		ranks[i].Settings["rank"] = []float64{16, 8}[ranks[i].Seed]
	}
	if s := overlaysOf(refs, Figure{ID: "f", Kind: Line, X: "rank", Y: "ppl_galore77", Reference: "paper", Where: map[string]any{"method": "galore"}}, ranks); len(s) != 1 || len(s[0].Points) != 1 || s[0].Points[0].X != 8 {
		t.Errorf("one of two ranks: %+v", s)
	}
	if s := overlaysOf(refs, Figure{ID: "f", Kind: Line, X: "paper_bytes", Y: "ppl_galore77", Group: []string{"method"}, Reference: "paper"}, published()); len(s) != 2 || s[0].Points[0].X != 0.76*PaperUnit {
		t.Errorf("against a size: %+v", s)
	}
	if s := overlaysOf(refs, Figure{ID: "f", Kind: Bar, X: "method", Y: "ppl", Reference: "paper"}, published()); s != nil {
		t.Errorf("a column that the published one is not compared with: %+v", s)
	}
	// What is not comparable is not drawn, and said.
	rows := published()
	for i := range rows {
		rows[i].Settings["source"] = "gomod"
	}
	d := Declarations{References: refs}
	c, err := d.Query(Figure{ID: "f", Kind: Bar, X: "method", Y: "ppl_galore77", Reference: "paper"}, rows, 0)
	if err != nil || len(c.Overlays) != 0 || !slices.Contains(c.Warnings, "published, GaLore paper: not shown, since not comparable (dataset: gomod, not c4)") {
		t.Errorf("overlays %+v, warnings %q, %v", c.Overlays, c.Warnings, err)
	}
	if c, err = d.Query(Figure{ID: "f", Kind: Bar, X: "method", Y: "ppl_galore77"}, rows, 0); err != nil || len(c.Overlays) != 0 || len(c.Warnings) != 0 {
		t.Errorf("without a reference: %+v, %v", c, err)
	}
}

func TestParsePublished(t *testing.T) {
	for text, want := range map[string]float64{"0.76G": 778_240_000, "1 GB": 1e9, "2GiB": 2 << 30, "3MB": 3e6, "4 MiB": 4 << 20, "5kB": 5000, "6KiB": 6144} {
		if got, ok := ParsePublished("paper_bytes", text); !ok || math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	for v, want := range map[any]float64{"2.2B": 2.2e9, "130M": 130e6, "10K": 10e3, 3: 3, 2.5: 2.5} {
		if got, ok := ParsePublished("", v); !ok || math.Abs(got-want) > 1 {
			t.Errorf("%v: %v, %v", v, got, ok)
		}
	}
	for _, v := range []any{"", "G", "0.76X", "infG", "nanB", "1e999B", true, math.NaN(), "12"} {
		for _, column := range []string{"", "paper_bytes"} {
			if got, ok := ParsePublished(column, v); ok {
				t.Errorf("%v of %q: %v", v, column, got)
			}
		}
	}
}

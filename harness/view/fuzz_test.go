package view

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ranklab/harness/record"
	"ranklab/internal/safename"
)

// FuzzDeclared reads arbitrary bytes as the figures and tables of a sweep and
// evaluates them. Those that are accepted name files in their folder; points lie
// on the axes of their chart, and rows have a cell for each column.
func FuzzDeclared(f *testing.F) {
	const figures = `[{"id":"gap","kind":"line","x":"update_proj_gap","y":"ppl","group":["rank"],"where":{"method":"galore"},"baseline":{"method":"adamw"}},` +
		`{"id":"m","kind":"stacked_bar","x":"method","y":"bytes","where":{"category":["weights"],"lr":0.02}}]`
	const tables = `[{"id":"main","rows":["method","rank"],"columns":["ppl","lr"],"sort":"ppl","ngrams":true,"where":{"rank":[32,null,{"a":1},[1]]}}]`
	f.Add([]byte(figures), []byte(tables))
	f.Add([]byte("null"), []byte("[null]"))
	f.Add([]byte("null"), []byte(`[{"id":"c","rows":["method","rank"],"compare_to":{"method":["galore","adamw"]},"compare":["tokens_per_second","ppl"],"columns":["ppl","tokens_per_second"]},`+
		`{"id":"d","rows":["seed"],"compare_to":{"seed":0}},{"id":"e","rows":["lr","method"],"compare_to":{"update_proj_gap":null},"compare":["x"]}]`))
	for _, id := range []string{"../../x", "/etc/x", "", ".", `a\\..\\b`, "a\\u0000"} {
		f.Add([]byte(strings.Replace(figures, `"gap"`, `"`+id+`"`, 1)), []byte(tables))
	}
	for old, v := range map[string]string{`"line"`: `"bar"`, `"update_proj_gap"`: `"label"`, `"ppl"`: `"lr"`, `"group":["rank"]`: `"group":["seed","seed"],"xscale":"log"`, `"galore"`: `null`, `["rank"]`: `["method"],"xscale":"category","yscale":"log"`} {
		f.Add([]byte(strings.Replace(figures, old, v, 1)), []byte(strings.Replace(tables, old, v, 1)))
	}
	const more = `[{"id":"h","kind":"heat_map","x":"update_proj_gap","y":"rank","z":"ppl","facet":"lr","zscale":"log","where":{"method":"galore"},"baseline":{"method":"adamw"}},` +
		`{"id":"f","kind":"frontier","x":"optimizer_state_bytes","y":"ppl","group":["kind"],"facet":"method","yscale":"log"},` +
		`{"id":"b","kind":"line","x":"update_proj_gap","y":"ppl","xscale":"log","facet":"rank","raw":true,"band":"none","formats":["pdf"],"where":{"method":"galore"}},` +
		`{"id":"s","kind":"line","x":"seconds","y":"loss","facet":"method"}]`
	f.Add([]byte(more), []byte(tables))
	for old, v := range map[string]string{`"update_proj_gap"`: `"step"`, `"rank"`: `"label"`, `"ppl"`: `"seed"`, `"log"`: `"linear"`, `"method"`: `"seed"`, `"line"`: `"heat_map"`, `"frontier"`: `"bar"`} {
		f.Add([]byte(strings.ReplaceAll(more, old, v)), []byte(tables))
	}
	rows := experiment()
	f.Fuzz(func(t *testing.T, figures, tables []byte) {
		s := record.Sweep{Experiment: "x", Figures: figures, Tables: tables}
		d, err := Declared(s)
		if err != nil {
			return
		}
		var again record.Sweep
		if err := d.Declare(&again); err != nil {
			t.Fatal(err)
		}
		d2, err := Declared(again)
		if diff := cmp.Diff(d, d2, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("declared again: %v\n%s", err, diff)
		}
		for _, f := range d.Figures {
			if !safename.Valid(f.ID) {
				t.Fatalf("figure %q would be drawn", f.ID)
			}
			c, err := Query(f, rows, 0)
			if err != nil || c.Skip != "" {
				continue
			}
			for _, series := range c.Series {
				if (series.Panel != "") != (len(c.Panels) > 0) || series.Panel != "" && !slices.Contains(c.Panels, series.Panel) {
					t.Fatalf("figure %+v has a series in the panel %q of %q", f, series.Panel, c.Panels)
				}
				if f.Kind == HeatMap && !slices.Contains(c.YCategories, series.Label) {
					t.Fatalf("figure %+v has the row %q among %q", f, series.Label, c.YCategories)
				}
				for _, p := range series.Points {
					if c.XScale == Category && (p.X != math.Trunc(p.X) || p.X < 0 || int(p.X) >= len(c.Categories)) || math.IsNaN(p.X) || c.XScale == Log && p.X <= 0 {
						t.Fatalf("figure %+v has the point %+v on a %s axis of %q", f, p, c.XScale, c.Categories)
					}
				}
			}
		}
		for _, table := range d.Tables {
			g, err := Tabulate(table, rows, 0, []record.Baseline{{Name: "unigram", Loss: 6}})
			if err != nil {
				continue
			}
			for _, r := range slices.Concat(g.Rows, g.Baselines) {
				if len(r.Cells) != len(g.Columns) {
					t.Fatalf("table %+v: %d cells in %d columns", table, len(r.Cells), len(g.Columns))
				}
				if r.Label == "" && len(r.Contrasts) != len(g.Comparisons) {
					t.Fatalf("table %+v: %d contrasts in %d comparisons", table, len(r.Contrasts), len(g.Comparisons))
				}
			}
		}
	})
}

// Declarations of a stored sweep name the files of figures.
func TestFigureIDsStayInTheirFolder(t *testing.T) {
	for _, id := range []string{"", "..", "../x", "a/b", `a\b`, "/x", "a\x00"} {
		figures, err := json.Marshal([]Figure{{ID: "good"}, {ID: id}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Declared(record.Sweep{Experiment: "quick", Figures: figures}); err == nil || !strings.Contains(err.Error(), "figures of quick: the id") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

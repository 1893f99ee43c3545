package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ranklab/harness/view"
)

// Figures of every kind come out as they are declared.
func TestFiguresOfEveryKind(t *testing.T) {
	x := mustLoad(t, twoMethods+`
[[figure]]
id = "heat"
kind = "heat_map"
x = "update_proj_gap"
y = "rank"
z = "ppl"
zscale = "log"
facet = "train.steps"
baseline = { method = "adamw" }
[[figure]]
id = "front"
kind = "frontier"
x = "peak_bytes"
y = "ppl"
xscale = "log"
group = ["kind"]
formats = ["pdf", "svg"]
[[figure]]
id = "line"
kind = "line"
x = "seconds"
y = "loss"
band = "none"
raw = true
formats = "png"
[[figure]]
id = "bar"
kind = "bar"
x = "rank"
y = "ppl"
facet = "method"
`, nil)
	want := []view.Figure{
		{ID: "heat", Kind: view.HeatMap, X: "update_proj_gap", Y: "rank", Z: "ppl", ZScale: view.Log, Facet: "train.steps", Baseline: map[string]any{"method": "adamw"}},
		{ID: "front", Kind: view.Frontier, X: "peak_bytes", Y: "ppl", XScale: view.Log, Group: []string{"kind"}, Formats: []string{"pdf", "svg"}},
		{ID: "line", Kind: view.Line, X: "seconds", Y: "loss", Band: "none", Raw: true, Formats: []string{"png"}},
		{ID: "bar", Kind: view.Bar, X: "rank", Y: "ppl", Facet: "method"},
	}
	if d := cmp.Diff(want, x.Figures); d != "" {
		t.Errorf("figures (-want +got):\n%s", d)
	}
}

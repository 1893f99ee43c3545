package view

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/record"
)

// seen gives a run rows of subspaces: two layers of q_proj and down_proj, two
// refreshes, and a look one update later. base is what all numbers start from.
func seen(r Row, rank, dim int, base float64) Row {
	r.Subspace = func() ([]record.SubspaceRow, error) {
		var rows []record.SubspaceRow
		for _, step := range []int{1, 11} {
			for _, after := range []int{0, 1} {
				for layer := range 2 {
					for _, module := range []string{"q_proj", "down_proj"} {
						v := base + 0.1*float64(layer)
						if module == "down_proj" {
							v += 0.02
						}
						row := record.SubspaceRow{
							Step: step + after, Layer: layer, Module: module, Side: "right", Rank: rank, Dim: dim, After: after,
							Captured: record.Float(v - 0.05*float64(after)), Overlap: record.Float(math.NaN()), SplitOverlap: record.Float(v / 2), EffectiveRank: 7,
						}
						if step > 1 {
							row.Overlap = record.Float(v)
						}
						rows = append(rows, row)
					}
				}
			}
		}
		return rows, nil
	}
	return r
}

func watched() []Row {
	rows := experiment()[:2]
	for seed := range 2 {
		rows = append(rows, seen(gap(seed, 32, 50, 24), 4, 16, 0.5+0.1*float64(seed)), seen(gap(seed, 8, 50, 24), 2, 16, 0.3+0.1*float64(seed)))
	}
	return rows
}

func ys(s Series) (list []float64) {
	for _, p := range s.Points {
		list = append(list, math.Round(p.Y*1e6)/1e6)
	}
	return list
}

// Within a run the rows of the named columns are averaged, and then runs that
// differ in the seed, with the interval of the seeds.
func TestSubspaceMeans(t *testing.T) {
	c := query1(t, Figure{
		ID: "f", Kind: Line, Source: Subspace, X: "step", Y: "captured", Group: []string{"rank"}, MeanOver: []string{"layer", "module"},
	}, watched())
	all := slices.Concat(c.Series, c.Lines)
	if len(c.Series) != 2 || len(c.Lines) != 2 { // ranks, and the chance level of each
		t.Fatalf("%+v", all)
	}
	// Means over seeds of base + 0.05 + 0.01.
	for i, want := range [][]float64{{0.41, 0.41}, {0.61, 0.61}, {0.125, 0.125}, {0.25, 0.25}} {
		if got := ys(all[i]); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", all[i].Label, got, want)
		}
	}
	p := c.Series[0].Points[1]
	if p.X != 11 || p.N != 2 || len(p.IDs) != 2 || !(p.Lo < p.Y && p.Y < p.Hi) {
		t.Errorf("%+v", p)
	}
	if got := c.Lines[0].Label; got != "rank 8: chance level r/d" {
		t.Errorf("label %q", got)
	}
	if !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "not shown: adamw") }) {
		t.Errorf("nothing is said of the runs that were not looked at: %q", c.Warnings)
	}
}

// What is neither an axis, a group, selected nor averaged is an error that names
// the column: figures hide no dimension.
func TestSubspaceHidesNoDimension(t *testing.T) {
	f := Figure{ID: "f", Kind: Line, Source: Subspace, X: "step", Y: "captured", Group: []string{"rank"}, MeanOver: []string{"module"}}
	_, err := Query(f, watched(), 0)
	var hidden *HiddenDimensionError
	if !errors.As(err, &hidden) || hidden.Dimension != "layer" {
		t.Errorf("layer: %v", err)
	}
	f.MeanOver, f.Group = []string{"module", "layer"}, nil
	if _, err = Query(f, watched(), 0); !errors.As(err, &hidden) || hidden.Dimension != "rank" {
		t.Errorf("rank: %v", err)
	}
	f.Group, f.X, f.Y = []string{"rank"}, "after", "captured_after"
	if _, err = Query(f, watched(), 0); !errors.As(err, &hidden) || hidden.Dimension != "step" {
		t.Errorf("step: %v", err)
	}
}

// One chance level is a horizontal line.
func TestChanceLevel(t *testing.T) {
	c := query1(t, Figure{
		ID: "f", Kind: Line, Source: Subspace, X: "layer", Y: "overlap", Group: []string{"module"}, Where: map[string]any{"rank": 32, "step": 11}, Also: []string{"split_overlap"},
	}, watched())
	var labels []string
	for _, s := range c.Series {
		labels = append(labels, s.Label)
	}
	if want := []string{
		"module q_proj: overlap with the old basis", "module down_proj: overlap with the old basis",
		"module q_proj: overlap of two half batches", "module down_proj: overlap of two half batches",
	}; !slices.Equal(labels, want) {
		t.Errorf("series %q, want %q", labels, want)
	}
	if len(c.Lines) != 1 || len(c.Lines[0].Points) != 1 || c.Lines[0].Points[0].Y != 0.25 || c.Lines[0].Label != "chance level r/d" {
		t.Errorf("lines %+v", c.Lines)
	}
}

func TestSubspaceMistakes(t *testing.T) {
	good := Figure{ID: "f", Kind: Line, Source: Subspace, X: "step", Y: "overlap", Group: []string{"rank"}, MeanOver: []string{"layer", "module"}}
	for what, change := range map[string]func(*Figure){
		"ppl is not recorded":             func(f *Figure) { f.Y = "ppl" },
		"average over rank":               func(f *Figure) { f.Group, f.MeanOver = nil, []string{"rank"} },
		"which x, y, group or facet":      func(f *Figure) { f.MeanOver = []string{"step"} },
		`needs source = "subspace"`:       func(f *Figure) { f.Source, f.Y = "", "ppl" },
		"no finished run has layer = 7":   func(f *Figure) { f.Where = map[string]any{"layer": 7} },
		"pixel is not recorded":           func(f *Figure) { f.Also = []string{"pixel"} },
		`no run has a column "sied"`:      func(f *Figure) { f.Where = map[string]any{"sied": "left"} },
		"it takes [diagnostics] subspace": func(f *Figure) { f.Y = "retention" },
	} {
		f := good
		change(&f)
		rows := watched()
		if f.Y == "retention" {
			rows = experiment()
		}
		if _, err := Query(f, rows, 0); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want %q, got %v", what, err)
		}
	}
	if c, err := Query(good, experiment(), 3); err != nil || c.Skip == "" {
		t.Errorf("while runs are pending: %q, %v", c.Skip, err)
	}
}

// A bar per module, by name in the order of the model; the energy that later
// gradients have in a basis, by how much later they are.
func TestSubspaceAxes(t *testing.T) {
	c := query1(t, Figure{ID: "f", Kind: Bar, Source: Subspace, X: "module", Y: "overlap", Group: []string{"rank"}, MeanOver: []string{"layer", "step"}}, watched())
	if want := []string{"q_proj", "down_proj"}; !slices.Equal(c.Categories, want) {
		t.Errorf("categories %v", c.Categories)
	}
	if got, want := ys(c.Series[1]), []float64{0.6, 0.62}; !slices.Equal(got, want) {
		t.Errorf("bars %v, want %v", got, want)
	}
	c = query1(t, Figure{
		ID: "f", Kind: Line, Source: Subspace, X: "after", Y: "captured_after", Group: []string{"rank"}, MeanOver: []string{"layer", "module", "step"}, Where: map[string]any{"rank": 32, "module": []any{"q_proj"}},
	}, watched())
	if got, want := ys(c.Series[0]), []float64{0.6, 0.55}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	c = query1(t, Figure{
		ID: "f", Kind: Line, Source: Subspace, X: "rank", Y: "captured", MeanOver: []string{"layer", "module", "step"},
	}, watched())
	if got, want := ys(c.Series[0]), []float64{0.41, 0.61}; !slices.Equal(got, want) {
		t.Errorf("by rank: %v, want %v", got, want)
	}
	if got := c.Lines[0]; got.Label != "chance level r/d" || !slices.Equal(ys(got), []float64{0.125, 0.25}) {
		t.Errorf("chance by rank: %+v", got)
	}
}

// A heat map of layers and steps, and a panel per rank.
func TestSubspaceHeatMapAndFacets(t *testing.T) {
	c := query1(t, Figure{
		ID: "f", Kind: HeatMap, Source: Subspace, X: "step", Y: "layer", Z: "captured", MeanOver: []string{"module"}, Where: map[string]any{"rank": 32},
	}, watched())
	if !slices.Equal(c.YCategories, []string{"0", "1"}) || len(c.Series) != 2 || !slices.Equal(ys(c.Series[1]), []float64{0.66, 0.66}) {
		t.Errorf("rows %v: %+v", c.YCategories, c.Series)
	}
	c = query1(t, Figure{
		ID: "f", Kind: Line, Source: Subspace, X: "step", Y: "captured", Facet: "rank", MeanOver: []string{"module", "layer"},
	}, watched())
	if len(c.Panels) != 2 || len(c.Series) != 2 || c.Series[0].Panel == c.Series[1].Panel || len(c.Lines) != 2 || c.Lines[1].Panel != c.Series[1].Panel {
		t.Errorf("panels %q: %+v, %+v", c.Panels, c.Series, c.Lines)
	}
	for _, f := range []Figure{
		{ID: "f", Kind: HeatMap, Source: Subspace, X: "step", Y: "layer", Z: "ppl"},
		{ID: "f", Kind: HeatMap, Source: Subspace, X: "step", Y: "layer", Z: "captured", Also: []string{"overlap"}},
		{ID: "f", Kind: HeatMap, Source: Subspace, X: "step", Y: "layer", Z: "captured", MeanOver: []string{"layer"}},
		{ID: "f", Kind: Frontier, Source: Subspace, X: "overlap", Y: "captured"},
	} {
		if _, err := Query(f, watched(), 0); err == nil {
			t.Errorf("%+v was drawn", f)
		}
	}
}

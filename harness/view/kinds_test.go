package view

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ranklab/harness/record"
)

func TestHeatMap(t *testing.T) {
	rows := experiment()
	f := Figure{ID: "h", Kind: HeatMap, X: "update_proj_gap", Y: "rank", Z: "ppl", Where: map[string]any{"method": "galore"}, Baseline: map[string]any{"method": "adamw"}}
	c := query1(t, f, rows)
	if !slices.Equal(c.Categories, []string{"50", "200", "never"}) || !slices.Equal(c.YCategories, []string{"8", "32"}) {
		t.Errorf("x %q, y %q: numbers ascend, never comes last", c.Categories, c.YCategories)
	}
	var got []string
	for _, s := range c.Series {
		for _, p := range s.Points {
			got = append(got, fmt.Sprintf("%s %v %v n=%d", s.Label, p.X, p.Y, p.N))
		}
	}
	// Rank 8 has one cell: those without runs are absent, not zero.
	if d := cmp.Diff([]string{"8 0 52 n=2", "32 0 25 n=2", "32 1 30 n=2", "32 2 42 n=2"}, got); d != "" {
		t.Errorf("cells (-want +got):\n%s", d)
	}
	if len(c.Baselines) != 1 || c.Baselines[0].Points[0].Y != 21 {
		t.Errorf("baselines %+v", c.Baselines)
	}
	rows[4].Diverged = true // rank 32, gap 200, seed 0
	c = query1(t, f, rows)
	if p := c.Series[1].Points[1]; p.N != 1 || p.Diverged != 1 || p.Y != 30 {
		t.Errorf("a cell of which one seed diverged: %+v", p)
	}
	if !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.HasSuffix(w, "1 of 2 seeds diverged") }) {
		t.Errorf("warnings %q", c.Warnings)
	}
	// A dimension that is neither axis is hidden.
	odd := gap(0, 32, 50, 20)
	odd.Settings["scale"] = 0.5
	var hidden *HiddenDimensionError
	if _, err := Query(f, append(experiment(), odd), 0); !errors.As(err, &hidden) || hidden.Dimension != "scale" {
		t.Errorf("error %v, want one about scale", err)
	}
}

// frontierRows are configurations of two methods; bytes and perplexity are
// given per rank.
func frontierRows() []Row {
	var rows []Row
	add := func(method string, rank any, bytes, ppl float64) {
		for seed := range 2 {
			settings := map[string]any{"lr": 0.01}
			if rank != nil {
				settings["rank"] = rank
			}
			r := run(method, seed, ppl+float64(seed), settings)
			r.Results["optimizer_state_bytes"] = bytes
			rows = append(rows, r)
		}
	}
	add("adamw", nil, 100, 20)
	add("galore", 8, 20, 30)
	add("galore", 32, 40, 22)
	add("lora", 8, 30, 31)  // galore at 8 is better in both
	add("lora", 32, 50, 22) // as good as galore at 32, and dearer
	return rows
}

func TestFrontier(t *testing.T) {
	f := Figure{ID: "f", Kind: Frontier, X: "optimizer_state_bytes", Y: "ppl"}
	c := query1(t, f, frontierRows())
	var got []string
	for _, s := range c.Series {
		for _, p := range s.Points {
			got = append(got, fmt.Sprintf("%s|%s|%v|%v|%v|%d", s.Label, p.Label, p.X, p.Y, p.Front, p.N))
		}
	}
	want := []string{"adamw||100|20.5|true|2", "galore|rank 8|20|30.5|true|2", "galore|rank 32|40|22.5|true|2", "lora|rank 8|30|31.5|false|2", "lora|rank 32|50|22.5|false|2"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("points (-want +got):\n%s", d)
	}
	// Every setting that varies tells points apart, and one that follows from
	// others is not written.
	rows := frontierRows()
	for i := range rows {
		if rank, ok := rows[i].Settings["rank"].(float64); ok {
			rows[i].Settings["lora_alpha"] = 2 * rank
		}
		if rows[i].Method == "galore" {
			other := rows[i]
			other.ID += "never"
			other.Settings = map[string]any{"update_proj_gap": "never"}
			for k, v := range rows[i].Settings {
				other.Settings[k] = v
			}
			rows[i].Settings["update_proj_gap"] = 50.0
			rows = append(rows, other)
		}
	}
	c = query1(t, f, rows)
	var labels []string
	for _, p := range c.Series[1].Points {
		labels = append(labels, p.Label)
	}
	if want := []string{"rank 8, gap 50", "rank 8, gap never", "rank 32, gap 50", "rank 32, gap never"}; !slices.Equal(labels, want) {
		t.Errorf("labels %q, want %q", labels, want)
	}
	// Of a rate, more is better.
	f.X = "tokens_per_second" // 1000 + ppl: the worse, the faster
	for _, s := range query1(t, f, frontierRows()).Series {
		for _, p := range s.Points {
			if !p.Front {
				t.Errorf("%s %s is not on the front, though nothing that is better is faster", s.Label, p.Label)
			}
		}
	}
}

// TestFrontOfAnyPoints: nothing on the front is beaten, and everything else is.
func TestFrontOfAnyPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Chart{X: Describe("peak_bytes"), Y: Describe("ppl")}
		n := rapid.IntRange(1, 12).Draw(t, "points")
		for range n {
			c.Series = append(c.Series, Series{Points: []Point{{
				X: float64(rapid.IntRange(0, 5).Draw(t, "x")), Y: float64(rapid.IntRange(0, 5).Draw(t, "y")),
			}}})
		}
		c.markFront()
		on := 0
		for _, s := range c.Series {
			p := s.Points[0]
			if p.Front {
				on++
			}
			beaten := slices.ContainsFunc(c.Series, func(o Series) bool {
				q := o.Points[0]
				return q.X <= p.X && q.Y <= p.Y && (q.X < p.X || q.Y < p.Y)
			})
			if beaten == p.Front {
				t.Fatalf("point %v, %v: front %v, beaten %v", p.X, p.Y, p.Front, beaten)
			}
		}
		if on == 0 {
			t.Fatal("nothing is on the front")
		}
	})
}

func TestFacets(t *testing.T) {
	galore := map[string]any{"method": "galore"}
	c := query1(t, Figure{ID: "f", Kind: Line, X: "update_proj_gap", Y: "ppl", Facet: "rank", Where: galore, Baseline: map[string]any{"method": "adamw"}}, experiment())
	if !slices.Equal(c.Panels, []string{"rank 8", "rank 32"}) || len(c.Series) != 2 || c.Series[0].Panel != "rank 8" || len(c.Series[1].Points) != 3 {
		t.Errorf("panels %q, series %+v", c.Panels, c.Series)
	}
	if !slices.Equal(c.Categories, []string{"50", "200", "never"}) {
		t.Errorf("categories %q: the axis is shared", c.Categories)
	}
	if len(c.Baselines) != 1 || c.Baselines[0].Panel != "" {
		t.Errorf("a baseline without a rank is the same in every panel: %+v", c.Baselines)
	}
	// Without the facet, rank is hidden.
	var hidden *HiddenDimensionError
	if _, err := Query(Figure{ID: "f", Kind: Line, X: "update_proj_gap", Y: "ppl", Where: galore}, experiment(), 0); !errors.As(err, &hidden) {
		t.Errorf("error %v", err)
	}
	// A baseline that has the values of the facet is split by them.
	rows := experiment()
	for i := range rows {
		rows[i].Settings["size"] = "small"
		big := rows[i]
		big.ID += "big"
		big.Settings = map[string]any{}
		for k, v := range rows[i].Settings {
			big.Settings[k] = v
		}
		big.Settings["size"] = "big"
		big.Results = map[string]float64{"ppl": rows[i].Results["ppl"] / 2}
		rows = append(rows, big)
	}
	c = query1(t, Figure{ID: "f", Kind: Bar, X: "update_proj_gap", Y: "ppl", Facet: "size", Where: map[string]any{"rank": 32}, Baseline: map[string]any{"method": "adamw"}}, rows)
	var got []string
	for _, b := range c.Baselines {
		got = append(got, fmt.Sprint(b.Panel, " ", b.Points[0].Y))
	}
	if want := []string{"size small 21", "size big 10.5"}; !slices.Equal(got, want) {
		t.Errorf("baselines %q, want %q", got, want)
	}
	curve := query1(t, Figure{ID: "f", Kind: Line, X: "step", Y: "loss", Facet: "update_proj_gap", Where: map[string]any{"rank": 32}}, experiment())
	if !slices.Equal(curve.Panels, []string{"gap 50", "gap 200", "gap never"}) || len(curve.Series) != 3 {
		t.Errorf("curves: panels %q, %d series", curve.Panels, len(curve.Series))
	}
	var many []Row
	for i := range maxPanels + 1 {
		many = append(many, gap(0, i+1, 50, 20))
	}
	if _, err := Query(Figure{ID: "f", Kind: Line, X: "lr", Y: "ppl", Facet: "rank"}, many, 0); err == nil || !strings.Contains(err.Error(), "12 panels at most") {
		t.Errorf("13 panels: %v", err)
	}
}

// TestFacetsOnlySplit: the points of a figure with facets are those of one that
// groups by the column instead.
func TestFacetsOnlySplit(t *testing.T) {
	points := func(f Figure) []string {
		var list []string
		for _, s := range query1(t, f, experiment()).Series {
			for _, p := range s.Points {
				list = append(list, fmt.Sprintf("%v %v %v %v %q", p.X, p.Y, p.Lo, p.N, p.IDs))
			}
		}
		slices.Sort(list)
		return list
	}
	galore := map[string]any{"method": "galore"}
	for _, kind := range []string{Line, Bar} {
		with := points(Figure{ID: "f", Kind: kind, X: "update_proj_gap", Y: "ppl", Facet: "rank", Where: galore})
		without := points(Figure{ID: "f", Kind: kind, X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: galore})
		if d := cmp.Diff(without, with); d != "" {
			t.Errorf("%s: (-grouped +facets)\n%s", kind, d)
		}
	}
}

func TestNeverBesideNumbers(t *testing.T) {
	f := Figure{ID: "g", Kind: Line, X: "update_proj_gap", Y: "ppl", XScale: Log, Where: map[string]any{"rank": 32}}
	c := query1(t, f, experiment())
	if len(c.Beyond) != 1 || c.Beyond[0].Name != "never" || c.Beyond[0].At <= 200 {
		t.Fatalf("beyond %+v, want never behind 200", c.Beyond)
	}
	var xs []float64
	for _, p := range c.Series[0].Points {
		xs = append(xs, p.X)
	}
	if !slices.Equal(xs, []float64{50, 200, c.Beyond[0].At}) {
		t.Errorf("x %v", xs)
	}
	if name, ok := c.IsBeyond(xs[2]); !ok || name != "never" {
		t.Errorf("the last x is %q, %v", name, ok)
	}
	f.XScale = Linear
	if at := query1(t, f, experiment()).Beyond[0].At; at <= 200 || at > 250 {
		t.Errorf("on a linear scale, never is at %v", at)
	}
}

func TestWallClock(t *testing.T) {
	rows := experiment()[:2]
	f := Figure{ID: "w", Kind: Line, X: "seconds", Y: "loss"}
	c := query1(t, f, rows)
	if c.Skip != "no timings were kept of the runs that it shows" {
		t.Errorf("without timings: skip %q", c.Skip)
	}
	for i := range rows {
		rows[i].Timing = func() ([]record.TimingRow, error) {
			// Stopped after update 250, and carried on from the checkpoint at 200.
			return []record.TimingRow{{Step: 100, ElapsedS: 10}, {Step: 250, ElapsedS: 40}, {Step: 201, ElapsedS: 21}, {Step: 301, ElapsedS: 31 + record.Float(2*i)}}, nil
		}
	}
	c = query1(t, f, rows)
	var got []string
	for _, p := range c.Series[0].Points {
		got = append(got, fmt.Sprintf("%.2f %v", p.X, p.N))
	}
	// 200 and 300 lie between rows, 400 behind the last.
	if want := []string{"10.00 2", "20.89 2", "31.89 2"}; !slices.Equal(got, want) {
		t.Errorf("points %q, want %q", got, want)
	}
	rows[1].Timing = nil
	c = query1(t, f, rows)
	if p := c.Series[0].Points[0]; p.N != 1 || !slices.Contains(c.Warnings, "adamw: not every seed has every point") {
		t.Errorf("one run without timings: %+v, warnings %q", p, c.Warnings)
	}
}

func TestSingleRunsOfALine(t *testing.T) {
	f := Figure{ID: "r", Kind: Line, X: "rank", Y: "ppl", Raw: true, Where: map[string]any{"method": "galore", "update_proj_gap": 50}}
	c := query1(t, f, experiment())
	for _, p := range c.Series[0].Points {
		mean := 0.0
		for _, e := range p.Each {
			if e.X != p.X || e.ID == "" {
				t.Errorf("run %+v of point %v", e, p.X)
			}
			mean += e.Y / float64(p.N)
		}
		if len(p.Each) != p.N || math.Abs(mean-p.Y) > 1e-9 {
			t.Errorf("%d runs with the mean %v behind %+v", len(p.Each), mean, p)
		}
	}
	f = Figure{ID: "r", Kind: Line, X: "tokens_seen", Y: "loss", Raw: true, Where: map[string]any{"method": "adamw"}}
	if p := query1(t, f, experiment()).Series[0].Points[0]; len(p.Each) != 2 || p.Each[0].X != 100000 || p.Each[1].X != 100001 {
		t.Errorf("runs %+v of a curve", p.Each)
	}
}

func TestKeysOfOtherKindsAreRefused(t *testing.T) {
	for want, f := range map[string]Figure{
		"z is missing":             {Kind: HeatMap, X: "rank", Y: "update_proj_gap"},
		"z needs kind":             {Kind: Line, X: "rank", Y: "ppl", Z: "loss"},
		"facet needs kind":         {Kind: StackedBar, X: "rank", Y: "bytes", Facet: "lr"},
		"raw needs kind":           {Kind: Bar, X: "rank", Y: "ppl", Raw: true},
		`band "ci90"`:              {Kind: Line, X: "rank", Y: "ppl", Band: "ci90"},
		`format "gif"`:             {Kind: Line, X: "rank", Y: "ppl", Formats: []string{"gif"}},
		"group needs kind":         {Kind: HeatMap, X: "rank", Y: "update_proj_gap", Z: "ppl", Group: []string{"lr"}},
		"needs two different":      {Kind: HeatMap, X: "rank", Y: "rank", Z: "ppl"},
		`z = "method" is not`:      {Kind: HeatMap, X: "rank", Y: "update_proj_gap", Z: "method"},
		`x = "update_proj_gap" is`: {Kind: Frontier, X: "update_proj_gap", Y: "ppl"},
		"a frontier needs numbers": {Kind: Frontier, X: "rank", Y: "ppl", XScale: Category},
		"does not fit a log scale": {Kind: HeatMap, X: "rank", Y: "update_proj_gap", Z: "zero", ZScale: Log, Where: map[string]any{"rank": 8}},
	} {
		rows := experiment()
		for i := range rows {
			rows[i].Settings["zero"] = 0.0
		}
		if _, err := Query(f, rows, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v:\n  error %v\n  want %q in it", f, err, want)
		}
	}
}

package view

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/internal/memory"
)

// run makes a finished run of a fake experiment; settings are "rank=32" pairs.
func run(method string, seed int, ppl float64, settings map[string]any) Row {
	r := Row{
		ID: fmt.Sprintf("%s-%v-%d", method, settings, seed), Method: method, Kind: method, Seed: seed,
		Settings: map[string]any{"steps": 400.0, "seed.init": float64(seed)},
		Results:  map[string]float64{"ppl": ppl, "loss": math.Log(ppl), "optimizer_state_bytes": 1 << 20, "tokens_per_second": 1000 + ppl, "threads": 2, "peak_bytes": missing},
		Memory:   map[memory.Category]int64{memory.Weights: 100, memory.OptimizerState: 50},
	}
	for k, v := range settings {
		r.Settings[k] = plain(v)
	}
	r.Metrics = func() (record.Metrics, error) {
		var m record.Metrics
		for step := 100; step <= 400; step += 100 {
			tokens := int64(step*1000 + seed)
			loss := record.Float(ppl + 400/float64(step))
			m.Train = append(m.Train, record.TrainRow{Step: step, TokensSeen: tokens, Loss: loss + 1, LR: 0.01})
			m.Eval = append(m.Eval, record.EvalRow{Step: step, TokensSeen: tokens, Loss: loss, Split: "validation"})
		}
		return m, nil
	}
	return r
}

func gap(seed int, rank int, gap any, ppl float64) Row {
	return run("galore", seed, ppl, map[string]any{"rank": rank, "update_proj_gap": gap, "lr": 0.02})
}

func experiment() []Row {
	return []Row{
		run("adamw", 0, 20, map[string]any{"lr": 0.001}),
		run("adamw", 1, 22, map[string]any{"lr": 0.001}),
		gap(0, 32, 50, 24), gap(1, 32, 50, 26),
		gap(0, 32, 200, 30), gap(1, 32, 200, 30),
		gap(0, 32, "never", 40), gap(1, 32, "never", 44),
		gap(0, 8, 50, 50), gap(1, 8, 50, 54),
	}
}

func query1(t *testing.T, f Figure, rows []Row) Chart {
	t.Helper()
	c, err := Query(f, rows, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPointsAverageSeedsOnly(t *testing.T) {
	f := Figure{ID: "gap", Kind: Line, X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: map[string]any{"method": "galore"}, Baseline: map[string]any{"method": "adamw"}}
	c := query1(t, f, experiment())
	if c.XScale != Category || !slices.Equal(c.Categories, []string{"50", "200", "never"}) {
		t.Errorf("x scale %s, categories %q: numbers come first, ascending", c.XScale, c.Categories)
	}
	var got []string
	for _, s := range append(c.Series, c.Baselines...) {
		for _, p := range s.Points {
			got = append(got, fmt.Sprintf("%s %v %v n=%d", s.Label, p.X, p.Y, p.N))
		}
	}
	want := []string{"rank 8 0 52 n=2", "rank 32 0 25 n=2", "rank 32 1 30 n=2", "rank 32 2 42 n=2", "adamw 0 21 n=2"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("points (-want +got):\n%s", d)
	}
	p := c.Series[1].Points[0] // 24 and 26: mean 25, half width 12.706·√2/√2
	if math.Abs(p.Hi-25-12.706) > 1e-3 || math.Abs(p.Lo-25+12.706) > 1e-3 {
		t.Errorf("interval [%v, %v], want 25 ± 12.706", p.Lo, p.Hi)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %q", c.Warnings)
	}
}

func TestHiddenDimensionIsAnError(t *testing.T) {
	f := Figure{ID: "rank", Kind: Line, X: "rank", Y: "ppl", Where: map[string]any{"method": "galore"}}
	_, err := Query(f, experiment(), 0)
	var hidden *HiddenDimensionError
	if !errors.As(err, &hidden) || hidden.Dimension != "update_proj_gap" {
		t.Fatalf("error %v, want one about update_proj_gap", err)
	}
	for _, want := range []string{`figure "rank"`, "update_proj_gap", "50, 200, never", "rank=32"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("message %q lacks %q", err, want)
		}
	}
	// Selecting several values is not the same as fixing one.
	f.Where = map[string]any{"method": "galore", "update_proj_gap": []any{int64(50), int64(200)}}
	if _, err := Query(f, experiment(), 0); !errors.As(err, &hidden) {
		t.Errorf("two selected gaps were averaged (error %v)", err)
	}
	f.Where["update_proj_gap"] = int64(50)
	if c := query1(t, f, experiment()); len(c.Series) != 1 || len(c.Series[0].Points) != 2 {
		t.Errorf("series %+v, want one with two points", c.Series)
	}
	f.Where["update_proj_gap"], f.Group = nil, []string{"update_proj_gap"}
	delete(f.Where, "update_proj_gap")
	if c := query1(t, f, experiment()); len(c.Series) != 3 {
		t.Errorf("%d series, want one per gap", len(c.Series))
	}
	// A setting that only some of the runs have varies, too.
	odd := gap(2, 8, 50, 50)
	odd.Settings["scale"] = 0.5
	f = Figure{ID: "x", Kind: Line, X: "rank", Y: "ppl", Where: map[string]any{"rank": 8}}
	if _, err := Query(f, append(experiment(), odd), 0); !errors.As(err, &hidden) || hidden.Dimension != "scale" {
		t.Errorf("error %v, want one about scale", err)
	}
	// So does a table.
	if _, err := Tabulate(Table{ID: "t", Rows: []string{"method"}}, experiment(), 0, nil); !errors.As(err, &hidden) {
		t.Errorf("table: error %v", err)
	}
	// And a curve.
	if _, err := Query(Figure{ID: "c", Kind: Line, X: "step", Y: "loss"}, experiment(), 0); !errors.As(err, &hidden) {
		t.Errorf("curve: error %v", err)
	}
}

func TestSameSeedTwiceIsAnError(t *testing.T) {
	a, b := gap(0, 32, 50, 24), gap(0, 32, 50, 25)
	b.ID += "b"
	if _, err := Query(Figure{ID: "x", Kind: Line, X: "rank", Y: "ppl"}, []Row{a, b}, 0); err == nil || !strings.Contains(err.Error(), "seed 0") {
		t.Errorf("error %v, want one about two runs with seed 0", err)
	}
}

func TestWhereComparesAcrossTypes(t *testing.T) {
	for _, value := range []any{50, int64(50), 50.0, float32(50), []int{50}, []any{50.0, "x"}, json.Number("50")} {
		rows, _, err := filter(experiment(), map[string]any{"update_proj_gap": value, "rank": 32})
		if _, isText := value.(json.Number); isText {
			if err == nil {
				t.Error("the text 50 matched the number 50")
			}
			continue
		}
		if err != nil || len(rows) != 2 {
			t.Errorf("%T %v: %d rows, %v; want 2", value, value, len(rows), err)
		}
	}
	if rows, _, err := filter(experiment(), map[string]any{"update_proj_gap": "never"}); err != nil || len(rows) != 2 {
		t.Errorf("never: %d rows, %v", len(rows), err)
	}
	if rows, _, err := filter(experiment(), map[string]any{"train.steps": 400}); err != nil || len(rows) != 10 {
		t.Errorf("dotted name: %d rows, %v", len(rows), err)
	}
}

func TestListSettingsMatchAsAWhole(t *testing.T) {
	a := run("galore", 0, 20, map[string]any{"targets": []string{"attn", "mlp"}})
	b := run("galore", 0, 20, map[string]any{"targets": []string{"attn"}})
	rows, _, err := filter([]Row{a, b}, map[string]any{"targets": []any{"attn", "mlp"}})
	if err != nil || len(rows) != 1 || rows[0].ID != a.ID {
		t.Errorf("rows %v, %v; want the first", rows, err)
	}
}

func TestMistakesNameTheCure(t *testing.T) {
	galore := map[string]any{"method": "galore"}
	for want, f := range map[string]Figure{
		`did you mean "update_proj_gap"?`:          {X: "update_proj_gp", Y: "ppl"},
		`no run has a column "colour"`:             {X: "rank", Y: "ppl", Where: map[string]any{"colour": 1}},
		"no finished run has method = lora":        {X: "rank", Y: "ppl", Where: map[string]any{"method": "lora"}},
		"(there are adamw, galore)":                {X: "rank", Y: "ppl", Where: map[string]any{"method": "lora"}},
		"baseline: where: no finished run":         {X: "rank", Y: "ppl", Where: galore, Baseline: map[string]any{"method": "sgd"}},
		`use xscale = "category"`:                  {X: "method", Y: "ppl", XScale: Log, Where: galore, Group: []string{"rank", "update_proj_gap"}},
		`"peak_tokens" does not exist along a run`: {X: "step", Y: "peak_tokens", Where: map[string]any{"method": "adamw"}},
		`y = "method" is not a number`:             {X: "rank", Y: "method"},
		"x is missing":                             {Y: "ppl"},
		`kind "pie"`:                               {Kind: "pie", X: "rank", Y: "ppl"},
		"means nothing on a log scale":             {Kind: Bar, X: "rank", Y: "ppl", YScale: Log},
		`y = "bytes"`:                              {Kind: StackedBar, X: "method", Y: "ppl"},
		"cannot have step on its x axis":           {Kind: Bar, X: "step", Y: "ppl"},
		"does not fit a log scale":                 {X: "zero", Y: "ppl", XScale: Log, Where: map[string]any{"rank": 8}, Group: []string{"method"}},
	} {
		if f.Kind == "" {
			f.Kind = Line
		}
		rows := experiment()
		for i := range rows {
			rows[i].Settings["zero"] = 0.0
		}
		if _, err := Query(f, rows, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v:\n  error %v\n  want %q in it", f, err, want)
		}
	}
	if _, err := Query(Figure{Kind: Line, X: "rank", Y: "ppl"}, nil, 0); err == nil {
		t.Error("no rows: no error")
	}
}

func TestDivergedRunsAreCountedNotAveraged(t *testing.T) {
	rows := []Row{gap(0, 32, 50, 24), gap(1, 32, 50, 26), gap(2, 32, 50, 1e30), gap(0, 8, 50, 1e30)}
	rows[2].Diverged, rows[3].Diverged = true, true
	c := query1(t, Figure{ID: "r", Kind: Line, X: "rank", Y: "ppl"}, rows)
	all, part := c.Series[0].Points[0], c.Series[0].Points[1]
	if !math.IsNaN(all.Y) || all.Diverged != 1 || all.N != 0 {
		t.Errorf("a point whose run diverged: %+v", all)
	}
	if part.Y != 25 || part.Diverged != 1 || part.N != 2 {
		t.Errorf("a point of which one run diverged: %+v", part)
	}
	if want := []string{"galore, rank 8: the run diverged", "galore, rank 32: 1 of 3 seeds diverged"}; !slices.Equal(c.Warnings, want) {
		t.Errorf("warnings %q, want %q", c.Warnings, want)
	}
	g, err := Tabulate(Table{ID: "t", Rows: []string{"rank"}, Columns: []string{"ppl", "optimizer_state_bytes"}}, rows, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Rows[0]; r.Cells[1].Mean.Value != 25 || r.Diverged != 1 || !slices.Contains(stats.Texts(r.Notes), "1 of 3 seeds diverged") {
		t.Errorf("table row %+v", r)
	}
	if r := g.Rows[1]; !r.Cells[1].Missing() || r.Cells[2].Mean.Value != 1<<20 || !slices.Contains(stats.Texts(r.Notes), "the run diverged") {
		t.Errorf("table row %+v", r)
	}
	curve := query1(t, Figure{ID: "c", Kind: Line, X: "step", Y: "loss", Group: []string{"rank"}}, rows)
	if n := len(curve.Series[0].Points); curve.Series[0].Points[n-1].Diverged != 1 {
		t.Errorf("the curve of a diverged run ends without a mark: %+v", curve.Series[0].Points)
	}
	if p := curve.Series[1].Points[0]; p.N != 2 || p.Diverged != 0 {
		t.Errorf("the curve of a group averages diverged runs: %+v", p)
	}
}

func TestCurvesAverageByStep(t *testing.T) {
	c := query1(t, Figure{ID: "c", Kind: Line, X: "tokens_seen", Y: "loss", Where: map[string]any{"method": "adamw"}}, experiment())
	if len(c.Series) != 1 || len(c.Series[0].Points) != 4 {
		t.Fatalf("series %+v, want one with 4 points", c.Series)
	}
	// Tokens differ by seed (100000 and 100001): matched by step, and averaged.
	if p := c.Series[0].Points[0]; p.X != 100000.5 || p.Y != 25 || p.N != 2 {
		t.Errorf("first point %+v, want x 100000.5, y 25, n 2", p)
	}
	train := query1(t, Figure{ID: "c", Kind: Line, X: "step", Y: "train_loss", Where: map[string]any{"method": "adamw", "seed": 1}}, experiment())
	if p := train.Series[0].Points[3]; p.X != 400 || p.Y != 24 || p.N != 1 {
		t.Errorf("last point %+v, want x 400, y 24, n 1", p)
	}
	if !slices.Equal(train.Warnings, []string{"1 seed: no interval"}) {
		t.Errorf("warnings %q", train.Warnings)
	}
}

// TestResidence: the resident size along a run is the largest of a step, and is
// there only where it was recorded.
func TestResidence(t *testing.T) {
	r := run("adamw", 0, 20, nil)
	r.RSS = []record.RSSSample{{Step: 0, Bytes: 5}, {Step: 10, Phase: "update", Bytes: 7}, {Step: 10, Phase: "evaluation", Bytes: 9}, {Step: 10, Bytes: 8}}
	f := Figure{ID: "rss", Kind: Line, X: "step", Y: "rss_bytes", Group: []string{"method"}}
	c := query1(t, f, []Row{r})
	if p := c.Series[0].Points; len(p) != 2 || p[0].Y != 5 || p[1].X != 10 || p[1].Y != 9 {
		t.Errorf("points %+v", p)
	}
	f.X = "tokens_seen"
	if _, err := Query(f, []Row{r}, 0); err == nil || !strings.Contains(err.Error(), `x = "step"`) {
		t.Errorf("along tokens: %v", err)
	}
}

func TestStackedBar(t *testing.T) {
	rows := []Row{run("adamw", 0, 20, nil), run("galore", 0, 20, nil), run("galore", 1, 20, nil)}
	c := query1(t, Figure{ID: "m", Kind: StackedBar, X: "method", Y: "bytes"}, rows)
	var got []string
	for _, s := range c.Series {
		got = append(got, fmt.Sprint(s.Label, s.Points[0].Y, s.Points[1].Y))
	}
	if want := []string{"weights100 100", "optimizer_state50 50"}; !slices.Equal(got, want) || !slices.Equal(c.Categories, []string{"adamw", "galore"}) {
		t.Errorf("series %q over %q, want %q", got, c.Categories, want)
	}
	c = query1(t, Figure{ID: "m", Kind: StackedBar, X: "method", Y: "bytes", Where: map[string]any{"category": []any{"optimizer_state", "projectors"}}}, rows)
	if len(c.Series) != 1 || c.Series[0].Label != "optimizer_state" {
		t.Errorf("filtered by category: %+v", c.Series)
	}
	rows[2].Memory = map[memory.Category]int64{memory.Weights: 101}
	if _, err := Query(Figure{ID: "m", Kind: StackedBar, X: "method", Y: "bytes"}, rows, 0); err == nil || !strings.Contains(err.Error(), "exact") {
		t.Errorf("bytes that vary over seeds: %v", err)
	}
}

func TestRowsWithoutXAreNamed(t *testing.T) {
	c := query1(t, Figure{ID: "r", Kind: Line, X: "rank", Y: "ppl", Where: map[string]any{"lr": []any{0.001, 0.02}}, Group: []string{"method", "update_proj_gap"}}, experiment())
	if !slices.Contains(c.Warnings, "without rank, so not shown: adamw") {
		t.Errorf("warnings %q", c.Warnings)
	}
	if c.Series[0].Label != "galore, gap 50" {
		t.Errorf("label %q", c.Series[0].Label)
	}
}

func TestTable(t *testing.T) {
	rows := experiment()
	for i := range rows {
		if rows[i].Method == "adamw" {
			rows[i].Label = "Full rank"
		}
	}
	baselines := []record.Baseline{{Name: "unigram", Loss: 6, PPL: 403, BitsPerByte: 3}}
	g, err := Tabulate(Table{ID: "t", Rows: []string{"method", "rank", "update_proj_gap"}, Columns: []string{"lr", "ppl", "tokens_per_second", "peak_bytes"}, Ngrams: true}, rows, 0, baselines)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range g.Rows {
		got = append(got, fmt.Sprintf("%s|%s|%s|%s|%v|%s|%v", r.Cells[0].Text, r.Cells[1].Text, r.Cells[2].Text, r.Cells[3].Text, r.Cells[4].Mean.Value, r.Cells[5].Threads, r.Cells[6].Missing()))
	}
	want := []string{"Full rank|–|–|0.001|21|2|true", "galore|32|50|0.02|25|2|true", "galore|32|200|0.02|30|2|true", "galore|32|never|0.02|42|2|true", "galore|8|50|0.02|52|2|true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	if b := g.Baselines[0]; b.Cells[0].Text != "unigram" || b.Cells[4].Mean.Value != 403 || !b.Cells[3].Missing() {
		t.Errorf("baseline %+v", b)
	}
	for by, first := range map[string]string{"ppl": "Full rank", "rank": "galore", "update_proj_gap": "galore"} {
		g, err := Tabulate(Table{ID: "t", Rows: []string{"method", "rank", "update_proj_gap"}, Sort: by}, rows, 0, nil)
		if err != nil || g.Rows[0].Cells[0].Text != first {
			t.Errorf("sorted by %s: first %q, %v; want %q", by, g.Rows[0].Cells[0].Text, err, first)
		}
	}
	if g, err := Tabulate(Table{ID: "t", Rows: []string{"method", "rnk"}, Where: map[string]any{"method": "adamw"}}, rows, 0, nil); err != nil || len(g.Notes) != 1 || !strings.Contains(stats.Texts(g.Notes)[0], `did you mean "rank"?`) {
		t.Errorf("an unknown column: notes %q, %v", g.Notes, err)
	}
	if _, err := Tabulate(Table{ID: "t", Rows: []string{"method"}, Sort: "colour", Where: map[string]any{"method": "adamw"}}, rows, 0, nil); err == nil {
		t.Error("sorted by an unknown column")
	}
}

func TestDeclarationsSurviveTheSweepFile(t *testing.T) {
	root := t.TempDir()
	declared := Declarations{Figures: []Figure{{ID: "gap", Kind: Line, X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: map[string]any{"rank": []any{16.0, 32.0}}, Baseline: map[string]any{"method": "adamw"}}},
		Tables: []Table{{ID: "main", Rows: []string{"method"}, Ngrams: true}}}
	sweep := record.Sweep{Experiment: "gap", Title: "a < b", Runs: []record.SweepRun{{ID: "aaaaaaaaaaaa", Variant: "galore", Axes: map[string]any{"rank": 32.0}}}}
	if err := errors.Join(declared.Declare(&sweep), record.WriteSweep(root, sweep)); err != nil {
		t.Fatal(err)
	}
	back, err := record.ReadSweep(root, "gap")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Declared(back)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(declared, again); d != "" {
		t.Error(d)
	}
	rows, pending := Rows(back, nil)
	if len(rows) != 0 || len(pending) != 1 {
		t.Errorf("%d rows, %d pending; want 0, 1", len(rows), len(pending))
	}
}

// TestOrderOfSeedsDoesNotMatter permutes the runs: the same means come out.
func TestOrderOfSeedsDoesNotMatter(t *testing.T) {
	f := Figure{ID: "gap", Kind: Line, X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: map[string]any{"method": "galore"}}
	means := func(rows []Row) string {
		c := query1(t, f, rows)
		var text []string
		for _, s := range c.Series {
			for _, p := range s.Points {
				text = append(text, fmt.Sprintf("%s %v %v %v %v", s.Label, p.X, p.Y, p.Lo, p.Hi))
			}
		}
		return strings.Join(text, "\n")
	}
	want := means(experiment())
	rapid.Check(t, func(t *rapid.T) {
		if got := means(rapid.Permutation(experiment()).Draw(t, "rows")); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestFormat(t *testing.T) {
	for want, v := range map[string]any{"200": 200, "0.001": 0.001, "3e-05": 3e-5, "20000": 20000.0, "never": "never", "–": nil, "true": true, `["attn","mlp"]`: []string{"attn", "mlp"}} {
		if got := Format(v); got != want {
			t.Errorf("Format(%v) = %q, want %q", v, got, want)
		}
	}
}

// TestPendingRunsExcuseWhatIsAbsent asks for what no finished run has: an error
// in a finished sweep, and "not yet" in another.
func TestPendingRunsExcuseWhatIsAbsent(t *testing.T) {
	finished := experiment()[:2] // both adamw
	for name, f := range map[string]Figure{
		"a value":      {Kind: Line, X: "lr", Y: "ppl", Where: map[string]any{"method": "galore"}},
		"a column":     {Kind: Line, X: "lr", Y: "ppl", Where: map[string]any{"rank": 8}},
		"both":         {Kind: Bar, X: "method", Y: "ppl", Where: map[string]any{"rank": 8, "method": "galore"}},
		"x":            {Kind: Line, X: "rank", Y: "ppl"},
		"bars":         {Kind: StackedBar, X: "method", Y: "bytes", Where: map[string]any{"method": "galore"}},
		"all but base": {Kind: Line, X: "lr", Y: "ppl", Where: map[string]any{"method": []any{"adamw", "galore"}}, Baseline: map[string]any{"method": "adamw"}},
	} {
		f.ID = "f"
		if _, err := Query(f, finished, 0); err == nil || !errors.As(err, new(*AbsentError)) {
			t.Errorf("%s, nothing pending: error %v", name, err)
		}
		if c, err := Query(f, finished, 2); err != nil || !strings.Contains(c.Skip, "2 runs not finished yet") {
			t.Errorf("%s, runs pending: skip %q, error %v", name, c.Skip, err)
		}
	}
	if c, err := Query(Figure{ID: "f", Kind: Line, X: "lr", Y: "ppl"}, nil, 1); err != nil || c.Skip == "" {
		t.Errorf("no finished run: skip %q, error %v", c.Skip, err)
	}
	// What is wrong whatever is pending stays an error.
	for _, f := range []Figure{
		{Kind: Line, X: "lr", Y: "ppl", XScale: "cubic", Where: map[string]any{"method": "galore"}},
		{Kind: Line, X: "lr", Y: "method"},
	} {
		if _, err := Query(f, finished, 2); err == nil {
			t.Errorf("%+v: no error while runs are pending", f)
		}
	}
	// A baseline that is not there yet leaves a note.
	base := Figure{ID: "f", Kind: Line, X: "lr", Y: "ppl", Baseline: map[string]any{"method": "galore"}}
	if c := query1(t, Figure{ID: "f", Kind: Line, X: "lr", Y: "ppl"}, finished); len(c.Warnings) > 0 {
		t.Fatalf("warnings %q", c.Warnings)
	}
	if c, err := Query(base, finished, 1); err != nil || len(c.Series) != 1 || len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0], "baseline: ") {
		t.Errorf("pending baseline: warnings %q, error %v", c.Warnings, err)
	}
	if _, err := Query(base, finished, 0); err == nil {
		t.Error("a baseline that will never be there: no error")
	}

	table := Table{ID: "t", Rows: []string{"method"}, Where: map[string]any{"method": "galore"}}
	if _, err := Tabulate(table, finished, 0, nil); err == nil {
		t.Error("table, nothing pending: no error")
	}
	if g, err := Tabulate(table, finished, 3, nil); err != nil || len(g.Rows) != 0 || !slices.ContainsFunc(stats.Texts(g.Notes), func(n string) bool { return strings.Contains(n, "no finished run has method = galore") }) {
		t.Errorf("table, runs pending: notes %q, error %v", g.Notes, err)
	}
}

func TestAbsentValuesOfAListAreNoted(t *testing.T) {
	where := map[string]any{"method": []any{"adamw", "lora"}, "lr": []any{0.001, 0.5}}
	want := []string{"no finished run for lr = 0.5, so not shown", "no finished run for method = lora, so not shown"}
	c := query1(t, Figure{ID: "f", Kind: Line, X: "lr", Y: "ppl", Where: where}, experiment())
	if d := cmp.Diff(want, c.Warnings); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
	g, err := Tabulate(Table{ID: "t", Rows: []string{"method"}, Columns: []string{"ppl"}, Where: where}, experiment(), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, stats.Texts(g.Notes)); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
	// A list may also be the value itself.
	run := run("galore", 0, 20, map[string]any{"targets": []string{"attn", "mlp"}})
	if _, notes, err := filter([]Row{run}, map[string]any{"targets": []any{"attn", "mlp"}}); err != nil || len(notes) > 0 {
		t.Errorf("notes %q, %v", notes, err)
	}
	c = query1(t, Figure{ID: "m", Kind: StackedBar, X: "method", Y: "bytes", Where: map[string]any{"method": "adamw", "category": []any{"weights", "wieghts"}}}, experiment())
	if want := "no category of memory is wieghts, so not shown"; !slices.Equal(c.Warnings, []string{want}) {
		t.Errorf("warnings %q, want %q", c.Warnings, want)
	}
}

func TestFiguresWithoutAValueAreSkipped(t *testing.T) {
	rows := []Row{gap(0, 32, 50, math.NaN()), gap(0, 8, 50, 1e30)}
	for i := range rows {
		rows[i].Diverged = true
		rows[i].Metrics = func() (record.Metrics, error) { return record.Metrics{}, nil }
	}
	for _, f := range []Figure{
		{ID: "p", Kind: Line, X: "rank", Y: "ppl"},
		{ID: "b", Kind: Bar, X: "rank", Y: "ppl"},
		{ID: "c", Kind: Line, X: "step", Y: "loss", Group: []string{"rank"}},
	} {
		if c := query1(t, f, rows); !strings.Contains(c.Skip, "every run that it shows diverged") {
			t.Errorf("%s: skip %q", f.ID, c.Skip)
		}
	}
	// Memory is known of a run that diverged.
	if c := query1(t, Figure{ID: "m", Kind: Bar, X: "rank", Y: "optimizer_state_bytes"}, rows); c.Skip != "" || c.Series[0].Points[0].Y != 1<<20 {
		t.Errorf("memory: skip %q, %+v", c.Skip, c.Series)
	}
	rows[0] = gap(0, 32, 50, 20)
	if c := query1(t, Figure{ID: "p", Kind: Line, X: "rank", Y: "ppl"}, rows); c.Skip != "" {
		t.Errorf("one run with a value: skip %q", c.Skip)
	}
	if c := query1(t, Figure{ID: "p", Kind: Line, X: "rank", Y: "peak_bytes"}, rows); c.Skip != "no run that it shows has a value of measured peak; 1 of 2 runs diverged" {
		t.Errorf("not measured: skip %q", c.Skip)
	}
}

// TestRunsWithoutEvaluationHaveNoQuality reads the summary of a run that
// diverged before its first evaluation: rows of NaN, or of zeros in old records.
func TestRunsWithoutEvaluationHaveNoQuality(t *testing.T) {
	nan := record.Float(math.NaN())
	for _, none := range []record.EvalRow{{}, {Loss: nan, PPL: nan, BitsPerByte: nan, PPLGalore77: nan}} {
		row, err := RowOf(record.Run{ID: "a", Summary: &record.Summary{State: record.Diverged, Final: none, Best: none}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ppl", "loss", "bits_per_byte", "ppl_galore77", "best_ppl", "best_loss"} {
			if v := row.Value(name); v != nil {
				t.Errorf("%s = %v", name, v)
			}
		}
	}
}

// TestTimes: the time in all stands beside the estimated one, which runs of
// before there was an estimate do not have.
func TestTimes(t *testing.T) {
	r := record.Run{ID: "a", Summary: &record.Summary{State: record.Done, Time: record.Durations{TrainS: 10, RefreshS: 3, EvalS: 2, CheckpointS: 1, SetupS: 0.5}}}
	for _, c := range []struct {
		estimate *record.Estimate
		want     any
	}{{nil, nil}, {&record.Estimate{TotalS: 12}, 12.0}} {
		r.Estimate = c.estimate
		row, err := RowOf(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := row.Value("estimated_seconds"); got != c.want || row.Value("seconds") != 13.5 || row.Value("checkpoint_seconds") != 1.0 {
			t.Errorf("estimated %v, want %v; in all %v", got, c.want, row.Value("seconds"))
		}
	}
}

package view

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/stats"
)

// seeded makes runs of a method with the given perplexities, seeds 0, 1, 2, …;
// NaN is a run that diverged.
func seedsOf(method string, settings map[string]any, ppl ...float64) []Row {
	var rows []Row
	for seed, v := range ppl {
		r := run(method, seed, v, settings)
		if math.IsNaN(v) {
			r.Diverged = true
		}
		rows = append(rows, r)
	}
	return rows
}

func tabulated(t *testing.T, table Table, rows []Row) Grid {
	t.Helper()
	table.ID = "t"
	g, err := Tabulate(table, rows, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// verdicts lists what became of each row in the first comparison.
func verdicts(g Grid) []string {
	var list []string
	for _, r := range g.Rows {
		c := r.Contrasts[0]
		text := string(c.Verdict())
		if c.Baseline {
			text = "baseline"
		}
		list = append(list, r.Cells[0].Text+" "+text)
	}
	return list
}

func wantVerdicts(t *testing.T, g Grid, want ...string) {
	t.Helper()
	if got := verdicts(g); !slices.Equal(got, want) {
		t.Errorf("verdicts %q, want %q", got, want)
	}
}

func TestRowsAreComparedWithTheBaseline(t *testing.T) {
	rows := slices.Concat(
		seedsOf("adamw", nil, 30, 33, 31),
		seedsOf("galore", map[string]any{"rank": 32}, 20, 22.1, 20.6),
		seedsOf("lora", nil, 30.5, 33.2, 31.1),
		seedsOf("adamw2", nil, 30, 33, 31),
	)
	g := tabulated(t, Table{Rows: []string{"method", "rank"}, Columns: []string{"ppl", "loss"}, CompareTo: map[string]any{"method": "adamw"}, Sort: "ppl"}, rows)
	wantVerdicts(t, g, "galore lower", "adamw baseline", "adamw2 same", "lora unclear")
	c := g.Comparisons[0]
	if len(g.Comparisons) != 1 || c.Column.Name != "ppl" || !c.Ratio || c.Baseline != "adamw" || c.Tests != 2 || len(c.Designs) != 1 { // adamw2 was measured once, as adamw
		t.Errorf("comparison %+v", c)
	}
	d := c.Designs[0]
	if d.Design != stats.ByBlocks || d.DF != 4 || d.Seeds != 3 || d.Treatments != 3 || !(d.Detectable > d.Noise.Sigma) {
		t.Errorf("design %+v", d)
	}
	// The mean of log ratios, as a change in percent.
	want := 100 * (math.Cbrt(20*22.1*20.6/(30*33*31)) - 1)
	if got := c.Scaled(g.Rows[0].Contrasts[0].Estimate); !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("change of %v %%, want %v", got, want)
	}
	if p, holm := g.Rows[3].Contrasts[0].P, g.Rows[3].Contrasts[0].Holm; holm < p {
		t.Errorf("p %v adjusted to %v", p, holm)
	}
	// A row measured once that stands there twice does not make the others less sure.
	twice := tabulated(t, g.Table, slices.Concat(rows, seedsOf("galore2", nil, 20, 22.1, 20.6)))
	byMethod := map[string]Contrast{}
	for _, r := range twice.Rows {
		byMethod[r.Cells[0].Text] = r.Contrasts[0]
	}
	if a, b := byMethod["galore"], byMethod["galore2"]; twice.Comparisons[0].Tests != 2 || a.Holm != g.Rows[0].Contrasts[0].Holm || a.Holm != b.Holm || a.P != b.P {
		t.Errorf("twins: %d tests, %+v and %+v, without the twin %+v", twice.Comparisons[0].Tests, a, b, g.Rows[0].Contrasts[0])
	}
	// Columns that are not the default, each on its own scale.
	g = tabulated(t, Table{Rows: []string{"method"}, Columns: []string{"ppl", "loss", "tokens_per_second"}, CompareTo: map[string]any{"method": "adamw"}, Compare: []string{"tokens_per_second", "loss"}}, rows)
	if len(g.Comparisons) != 2 || !g.Comparisons[0].Ratio || g.Comparisons[1].Ratio || len(g.Rows[1].Contrasts) != 2 {
		t.Fatalf("comparisons %+v", g.Comparisons)
	}
	want = (math.Log(20./30) + math.Log(22.1/33) + math.Log(20.6/31)) / 3
	if got := g.Rows[1].Contrasts[1].Estimate; !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("difference of losses %v, want %v", got, want)
	}
}

// Several baselines: each row has that of its own steps, and a design of its own.
func TestBaselinesAreMatched(t *testing.T) {
	var rows []Row
	for _, steps := range []int{100, 200} {
		for _, method := range []string{"adamw", "galore"} {
			for seed := range 3 {
				r := run(method, seed, 30+float64(steps*seed%7), map[string]any{"steps": steps})
				if method == "galore" {
					r.Results["ppl"] += float64(steps) / 10
				}
				rows = append(rows, r)
			}
		}
	}
	rows = append(rows, seedsOf("galore", map[string]any{"steps": 400}, 20, 21, 22)...)
	g := tabulated(t, Table{Rows: []string{"method", "steps"}, Columns: []string{"ppl"}, CompareTo: map[string]any{"method": "adamw"}}, rows)
	var got []string
	for _, r := range g.Rows {
		got = append(got, fmt.Sprint(r.Cells[0].Text, r.Cells[1].Text, ":", r.Contrasts[0].Against))
	}
	want := []string{"adamw100:adamw, steps 100", "galore100:adamw, steps 100", "adamw200:adamw, steps 200", "galore200:adamw, steps 200", "galore400:"}
	if !slices.Equal(got, want) {
		t.Errorf("baselines %q, want %q", got, want)
	}
	c := g.Comparisons[0]
	if c.Baseline != "adamw of the same steps" || len(c.Designs) != 2 || c.Tests != 2 {
		t.Errorf("%+v", c)
	}
	if len(c.Warnings) != 1 || c.Warnings[0].Text != "1 of 5 rows have no adamw of the same steps to be compared with" {
		t.Errorf("warnings %+v", c.Warnings)
	}
}

func TestWhatIsNotComparedIsSaid(t *testing.T) {
	nan := math.NaN()
	rows := slices.Concat(
		seedsOf("adamw", nil, 30, 33, 31, 32),
		seedsOf("one", nil, 20),
		seedsOf("diverged", nil, 30.5, nan, 31.1, 32.5),
		seedsOf("lost", nil, nan, nan, nan, nan),
		seedsOf("shorter", map[string]any{"steps": 200, "lr": 0.1}, 30, 33.5, 31, 32),
		seedsOf("other", map[string]any{"max_length": 256}, 20, 21, 22, 23),
	)
	for i := range rows {
		if rows[i].Method != "other" {
			rows[i].Settings["max_length"] = 128.0
		}
		if rows[i].Method == "shorter" {
			rows[i].Results["epochs"] = 2.5
			rows[i].Warnings = []stats.Warning{{Kind: stats.EdgeOfGrid, Text: "the best rate is at the edge"}}
		}
	}
	g := tabulated(t, Table{Rows: []string{"method"}, Columns: []string{"ppl"}, CompareTo: map[string]any{"method": "adamw"}}, rows)
	wantVerdicts(t, g, "adamw baseline", "one ", "diverged unclear", "lost ", "shorter unclear", "other ")
	for i, want := range [][]string{
		nil,
		{"1 seed: no interval", "1 seed: no comparison with fewer than 3"},
		{"1 of 4 seeds diverged", "compared over seeds 0, 2, 3 only"},
		{"4 of 4 seeds diverged", "0 seeds: no comparison with fewer than 3"},
		{"the best rate is at the edge", "2.5 epochs: later passes see text that was trained on", "steps is 200, of the baseline 400"},
		{"validation perplexity not compared: max length is 256, of the baseline 128"},
	} {
		if !slices.Equal(stats.Texts(g.Rows[i].Notes), want) {
			t.Errorf("%s: notes %q, want %q", g.Rows[i].Cells[0].Text, stats.Texts(g.Rows[i].Notes), want)
		}
	}
	if n := g.Rows[2].Contrasts[0].N; n != 3 {
		t.Errorf("%d seeds of the diverged row, want 3", n)
	}
	if c := g.Comparisons[0]; c.Tests != 2 || c.Designs[0].Treatments != 3 {
		t.Errorf("%+v: other data is no part of the noise", c)
	}
	// The steps are a column: nothing is hidden.
	g = tabulated(t, Table{Rows: []string{"method"}, Columns: []string{"ppl", "steps"}, CompareTo: map[string]any{"method": "adamw"}}, rows)
	if slices.ContainsFunc(stats.Texts(g.Rows[4].Notes), func(n string) bool { return strings.Contains(n, "steps") }) {
		t.Errorf("notes %q", g.Rows[4].Notes)
	}
}

func TestOneSeedIsNotCompared(t *testing.T) {
	rows := slices.Concat(seedsOf("adamw", nil, 30), seedsOf("galore", nil, 20))
	g := tabulated(t, Table{Rows: []string{"method"}, Columns: []string{"ppl"}, CompareTo: map[string]any{"method": "adamw"}}, rows)
	wantVerdicts(t, g, "adamw baseline", "galore ")
	for _, r := range g.Rows {
		if !slices.Contains(stats.Texts(r.Notes), "1 seed: no comparison with fewer than 3") {
			t.Errorf("notes %q", r.Notes)
		}
	}
}

// Times of other machines, or with other threads, are not compared.
func TestTimesAreComparedOnOneMachine(t *testing.T) {
	rows := slices.Concat(seedsOf("adamw", nil, 30, 33, 31), seedsOf("galore", nil, 20, 21, 22), seedsOf("lora", nil, 20, 21, 22), seedsOf("relora", nil, 20, 21, 22))
	for i := range rows {
		rows[i].Machine = "CPU (avx2)"
	}
	rows[5].Machine, rows[8].Results["threads"] = "CPU (avx512f)", 4
	g := tabulated(t, Table{Rows: []string{"method"}, Columns: []string{"ppl", "tokens_per_second"}, CompareTo: map[string]any{"method": "adamw"}, Compare: []string{"tokens_per_second"}}, rows)
	for i, want := range []string{"", "tokens/s not compared: the machine is CPU (avx512f), of the baseline CPU (avx2)", "tokens/s not compared: the number of threads is 4, of the baseline 2", ""} {
		if got := strings.Join(stats.Texts(g.Rows[i].Notes), "; "); got != want {
			t.Errorf("notes %q, want %q", got, want)
		}
	}
	if g.Comparisons[0].Tests != 1 {
		t.Errorf("%+v", g.Comparisons[0])
	}
}

// Seeds pair by their streams, not by their number.
func TestSeedsPairByTheirStreams(t *testing.T) {
	rows := slices.Concat(seedsOf("adamw", nil, 30, 33, 31, 32), seedsOf("galore", nil, 20, 21, 22, 20))
	for i := range rows[4:] {
		rows[4+i].Settings["seed.init"] = float64(100 + i)
	}
	g := tabulated(t, Table{Rows: []string{"method"}, Columns: []string{"ppl"}, CompareTo: map[string]any{"method": "adamw"}}, rows)
	if d := g.Rows[1].Contrasts[0]; d.Design != stats.ByWelch || len(d.Warnings) != 1 || d.Warnings[0].Kind != stats.NotPaired {
		t.Errorf("%+v", d)
	}
}

func TestBadComparisons(t *testing.T) {
	rows := slices.Concat(seedsOf("adamw", nil, 30, 33, 31), seedsOf("galore", nil, 20, 21, 22))
	adamw := map[string]any{"method": "adamw"}
	for want, table := range map[string]Table{
		"compare_to: no row of the table has method = sgd":             {CompareTo: map[string]any{"method": "sgd"}},
		`compare_to: no run has a column "rnak"`:                       {CompareTo: map[string]any{"rnak": 8}},
		"compare needs compare_to":                                     {Compare: []string{"ppl"}},
		`compare names "loss", which is not a column of the table`:     {CompareTo: adamw, Compare: []string{"loss"}},
		`compare names "weights_bytes", which is not a result that va`: {CompareTo: adamw, Columns: []string{"weights_bytes"}, Compare: []string{"weights_bytes"}},
		"compare_to needs one of the columns ppl, loss, bits_per_byte": {CompareTo: adamw, Columns: []string{"weights_bytes"}},
		`compare names "ppl" twice`:                                    {CompareTo: adamw, Columns: []string{"ppl"}, Compare: []string{"ppl", "ppl"}},
	} {
		table.ID, table.Rows = "t", []string{"method"}
		if _, err := Tabulate(table, rows, 0, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	// While runs are pending, the baseline may yet come.
	g, err := Tabulate(Table{ID: "t", Rows: []string{"method"}, CompareTo: map[string]any{"method": "sgd"}}, rows, 1, nil)
	if err != nil || len(g.Comparisons) > 0 || !strings.Contains(strings.Join(stats.Texts(g.Notes), "\n"), "method = sgd") {
		t.Errorf("%v, notes %q", err, g.Notes)
	}
	_, err = Tabulate(Table{ID: "t", Rows: []string{"method"}, CompareTo: map[string]any{"method": "sgd"}}, rows, 0, nil)
	var absent *AbsentError
	if !errors.As(err, &absent) {
		t.Errorf("error %v", err)
	}
}

func TestPlannedComparisons(t *testing.T) {
	var planned []Row
	for _, r := range experiment() {
		r.Results, r.Metrics = nil, nil
		planned = append(planned, r)
	}
	d := Declarations{Tables: []Table{{ID: "a", Rows: []string{"method"}}, {ID: "b", Rows: []string{"method", "rank", "update_proj_gap"}, CompareTo: map[string]any{"method": "adamw"}}}}
	list, err := d.PlannedComparisons(planned)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if p := list[0]; p.Table != "b" || p.Baseline != "adamw" || p.Rows != 5 || p.Seeds != 2 || p.Tests != 4 || p.Column.Name != "ppl" || p.Like.Method != "adamw" {
		t.Errorf("%+v", p)
	}
	list, err = Declarations{}.PlannedComparisons(planned)
	if err != nil || len(list) != 1 || list[0].Rows != 5 || list[0].Seeds != 2 || list[0].Baseline != "" {
		t.Errorf("%+v, %v", list, err)
	}
}

// The noise within seeds of an experiment is less than the scatter over them.
func TestNoiseOf(t *testing.T) {
	rows := slices.Concat(seedsOf("adamw", nil, 30, 60, 45), seedsOf("galore", nil, 20, 40.5, 30.2), seedsOf("again", nil, 20, 40.5, 30.2))
	own, other := NoiseOf(rows, Describe("ppl"), true), NoiseOf(rows, Describe("ppl"), false)
	if own.DF != 2 || other.DF != 4 || !(own.Sigma < other.Sigma/10) {
		t.Errorf("paired %+v, not paired %+v", own, other)
	}
	if n := NoiseOf(nil, Describe("ppl"), true); n.DF != 0 {
		t.Errorf("%+v", n)
	}
}

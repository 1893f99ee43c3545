package view

import (
	"slices"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/stats"
)

// trial is a finished trial of a search.
func trial(method string, lr, loss float64, chosen bool) Row {
	return Row{
		ID: method + Format(lr), Method: method, Kind: method, Seed: 100, Stage: record.Tune, Chosen: chosen,
		Settings: map[string]any{"lr": lr, "effective_lr": lr / 2}, Results: map[string]float64{"select_loss": loss, "ppl": 20},
	}
}

// Figures of results do not see trials, those of trials nothing else.
func TestTuneSource(t *testing.T) {
	rows := []Row{
		trial("galore", 0.002, 3.5, false), trial("galore", 0.004, 3.2, true), trial("galore", 0.008, 3.4, false),
		{ID: "r", Method: "galore", Kind: "galore", Settings: map[string]any{"lr": 0.004}, Results: map[string]float64{"ppl": 25}},
	}
	c, err := Query(SensitivityFigure(), rows, 0)
	if err != nil || len(c.Series) != 1 || len(c.Series[0].Points) != 3 || c.Skip != "" {
		t.Fatalf("%+v, %v", c, err)
	}
	for i, p := range c.Series[0].Points {
		if want := []float64{0.001, 0.002, 0.004}[i]; p.X != want || p.Chosen != (i == 1) {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	f := Figure{ID: "a", Kind: Bar, X: "method", Y: "ppl"}
	if c, err = Query(f, rows, 0); err != nil || len(c.Series[0].Points) != 1 || c.Series[0].Points[0].Y != 25 {
		t.Errorf("%+v, %v", c, err)
	}
}

// Runs of a sweep are results, or trials.
func TestTrialsAreNoResults(t *testing.T) {
	s := record.Sweep{Runs: []record.SweepRun{{ID: "a"}, {ID: "b", Stage: record.Tune}, {ID: "c", Stage: record.Tune}}}
	if _, pending := Rows(s, nil); len(pending) != 1 || pending[0].ID != "a" {
		t.Errorf("results %+v", pending)
	}
	if _, pending := Trials(s, nil); len(pending) != 2 || pending[1].ID != "c" {
		t.Errorf("trials %+v", pending)
	}
}

func TestTuningWarnings(t *testing.T) {
	tuned := func(method string, trials int, edge string) record.Rate {
		return record.Rate{Method: method, From: "x:" + method, Trials: trials, Edge: edge}
	}
	stale := tuned("c", 5, "none")
	stale.Stale = true
	for name, c := range map[string]struct {
		rates []record.Rate
		want  []stats.WarningKind
	}{
		"none tuned":    {nil, nil},
		"all well":      {[]record.Rate{tuned("a", 5, "none"), tuned("b", 5, "none")}, nil},
		"edges":         {[]record.Rate{tuned("a", 5, "low"), tuned("b", 5, "high"), tuned("c", 5, "high")}, []stats.WarningKind{stats.EdgeOfGrid, stats.EdgeOfGrid}},
		"budgets":       {[]record.Rate{tuned("a", 5, "none"), tuned("b", 7, "none")}, []stats.WarningKind{stats.UnequalBudgets}},
		"given":         {[]record.Rate{tuned("a", 5, "none"), {Method: "b", LR: 0.1}}, []stats.WarningKind{stats.GivenRate}},
		"stale":         {[]record.Rate{tuned("a", 5, "none"), stale}, []stats.WarningKind{stats.StaleTuning}},
		"other length":  {[]record.Rate{{Method: "a", From: "x:a", Trials: 5, Edge: "none", TrialSteps: 100, Steps: []int{400, 800}}}, []stats.WarningKind{stats.OtherLength}},
		"not yet tuned": {[]record.Rate{{Method: "a", From: "x:a"}, {Method: "b", LR: 0.1}}, nil},
	} {
		var kinds []stats.WarningKind
		for _, w := range TuningWarnings(record.Sweep{Rates: c.rates}) {
			kinds = append(kinds, w.Kind)
			if w.Text == "" {
				t.Errorf("%s: %+v", name, w)
			}
		}
		if !slices.Equal(kinds, c.want) {
			t.Errorf("%s: %q, want %q", name, kinds, c.want)
		}
	}
}

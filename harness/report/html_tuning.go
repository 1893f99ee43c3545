package report

import (
	"fmt"
	"math"
	"slices"

	"ranklab/harness/record"
	"ranklab/harness/stats"
	"ranklab/harness/view"
)

// An htmlTuning says where the learning rates come from.
type htmlTuning struct {
	Warnings *htmlKnow
	Rates    *htmlTable
	Figure   *htmlFigure // of trials, where the experiment declares none
	Trials   *htmlTable
}

// tuning shows the search for the learning rates; nil if they were all given.
func (h *htmlSource) tuning() *htmlTuning {
	if len(h.sweep.Rates) == 0 && len(h.trialRows) == 0 {
		return nil
	}
	t := &htmlTuning{Rates: h.rates(), Trials: h.trials()}
	for _, w := range view.TuningWarnings(h.sweep) {
		if t.Warnings == nil {
			t.Warnings = &htmlKnow{Title: "What to know of these rates"}
		}
		t.Warnings.Items = append(t.Warnings.Items, w.Text)
	}
	declared := slices.ContainsFunc(h.declared.Figures, func(f view.Figure) bool { return f.Source == view.TuneSource })
	if !declared && len(h.trialRows) > 0 {
		f := h.figure(view.SensitivityFigure())
		t.Figure = &f
	}
	return t
}

// rates lists the methods with their learning rates; nil if that is not recorded.
func (h *htmlSource) rates() *htmlTable {
	if len(h.sweep.Rates) == 0 {
		return nil
	}
	t := &htmlTable{ID: "tuning-rates", Caption: "Learning rates and where they come from", Header: headerOf(1, "method", "learning rate", "rates tried", "from", "lock file")}
	t.Header[3].Class, t.Header[4].Class = "", ""
	for _, r := range h.sweep.Rates {
		from, tried := "given by the experiment’s file", nothing
		if r.From != "" {
			from = "tuned: " + r.From
		}
		if r.Trials > 0 {
			tried = fmt.Sprint(r.Trials)
		}
		t.Rows = append(t.Rows, htmlRow{Cells: []htmlCell{textCell(r.Method), numberCell(view.Format(float64(r.LR))), numberCell(tried), textCell(from), textCell(orNothing(r.Lock))}})
	}
	return t
}

// trials lists the rates that were tried, by method; nil if there are none.
func (h *htmlSource) trials() *htmlTable {
	if len(h.trialRows) == 0 {
		return nil
	}
	t := &htmlTable{ID: "tuning-trials", Caption: "Rates that were tried", Header: headerOf(1, tuningHeader()...)}
	const mark, runs = 5, 6
	t.Header[mark].Class, t.Header[runs].Class = "", ""
	for _, rows := range trialsByRate(h.trialRows) {
		trial := tuningRow(rows)
		var cells []htmlCell
		for i, text := range trial.cells() {
			cell := numberCell(text)
			switch i {
			case 0:
				cell = textCell(text)
			case mark:
				cell = htmlCell{Text: text, Class: map[string]string{"diverged": "fail", "chosen": "pass"}[text]}
			case runs:
				cell = htmlCell{Text: text, Code: true}
			}
			cells = append(cells, cell)
		}
		t.Rows = append(t.Rows, htmlRow{Cells: cells})
	}
	if h.pendingTrials > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d trials have no result yet", h.pendingTrials))
	}
	return t
}

// tuningRow is the trial that is made of the runs of a method with one rate.
func tuningRow(rows []view.Row) TuningRow {
	first := rows[0]
	t := TuningRow{Method: first.Method, EffectiveLR: math.NaN(), Chosen: first.Chosen}
	t.LR, _ = number64(first.Value("lr"))
	if v, ok := number64(first.Value("effective_lr")); ok {
		t.EffectiveLR = v
	}
	var losses []float64
	for _, r := range rows {
		t.IDs = append(t.IDs, record.ShortID(r.ID)[:4])
		t.Diverged = t.Diverged || r.Diverged
		if v := r.Results["select_loss"]; !r.Diverged && !math.IsNaN(v) {
			losses = append(losses, v)
		}
	}
	t.Loss = stats.Of(losses).Value
	return t
}

// trialsByRate groups trials by method and rate, rates ascending.
func trialsByRate(rows []view.Row) [][]view.Row {
	var groups [][]view.Row
	var methods []string
	for _, r := range rows {
		methods = append(methods, r.Method)
		i := slices.IndexFunc(groups, func(g []view.Row) bool { return g[0].Method == r.Method && g[0].Value("lr") == r.Value("lr") })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], r)
	}
	methods = unique(methods)
	rate := func(g []view.Row) float64 {
		v, _ := number64(g[0].Value("lr"))
		return v
	}
	slices.SortStableFunc(groups, func(a, b []view.Row) int {
		if d := slices.Index(methods, a[0].Method) - slices.Index(methods, b[0].Method); d != 0 {
			return d
		}
		switch {
		case rate(a) < rate(b):
			return -1
		case rate(a) > rate(b):
			return 1
		}
		return 0
	})
	return groups
}

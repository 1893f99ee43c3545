package plots

import (
	"fmt"
	"math"
	"os"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/view"
	"ranklab/internal/memory"
)

// sampleRun makes a finished run whose loss falls from 7 to loss like that of
// a small model; the data are made up.
func sampleRun(method, label string, seed int, loss float64, settings map[string]any) view.Row {
	loss += 0.01 * math.Sin(float64(7*seed+len(method)))
	r := view.Row{
		ID: fmt.Sprintf("%s%d%v", method, seed, settings), Method: method, Kind: method, Label: label, Seed: seed,
		Settings: map[string]any{},
		Results: map[string]float64{
			"loss": loss, "ppl": math.Exp(loss), "bits_per_byte": loss / 2.2,
			"tokens_per_second": 21000 - 500*float64(len(method)), "peak_bytes": 180 << 20, "optimizer_state_bytes": 2 << 20,
		},
		Memory: map[memory.Category]int64{
			memory.Weights: 6 << 20, memory.OptimizerState: int64(len(method)) << 20, memory.Gradients: 1 << 20,
			memory.Activations: 9 << 20, memory.Scratch: 3 << 20, memory.Data: 40 << 10,
		},
	}
	for k, v := range settings {
		r.Settings[k] = v
	}
	if method == "galore" {
		r.Memory[memory.Projectors] = 700 << 10
	}
	if method == "lora" || method == "relora" {
		r.Memory[memory.Adapters] = 1 << 20
	}
	r.Metrics = func() (record.Metrics, error) {
		var m record.Metrics
		at := func(step int) float64 { return loss + (7-loss)*math.Exp(-float64(step)/130) }
		for step := 50; step <= 400; step += 50 {
			l := at(step)
			m.Eval = append(m.Eval, record.EvalRow{Step: step, TokensSeen: int64(step) * 4096, Split: "validation", Loss: record.Float(l), PPL: record.Float(math.Exp(l))})
		}
		for step := 1; step <= 400; step += 4 {
			m.Train = append(m.Train, record.TrainRow{Step: step, TokensSeen: int64(step) * 4096, Loss: record.Float(at(step) + 0.15*math.Sin(float64(step*(seed+1)))), LR: 0.001})
		}
		return m, nil
	}
	return r
}

func sampleRows() []view.Row {
	var rows []view.Row
	for seed := range 3 {
		rows = append(rows,
			sampleRun("adamw", "Full-Rank", seed, 3.62, map[string]any{"lr": 0.002}),
			sampleRun("galore", "", seed, 3.66, map[string]any{"rank": 32.0, "update_proj_gap": 50.0}),
			sampleRun("lora", "LoRA", seed, 3.71, map[string]any{"rank": 32.0}),
			sampleRun("relora", "ReLoRA", seed, 3.75, map[string]any{"rank": 32.0}),
			sampleRun("lowrank", "Low-Rank", seed, 3.93, map[string]any{"rank": 32.0}),
		)
		for _, rank := range []float64{8, 16, 64} {
			rows = append(rows, sampleRun("galore", fmt.Sprintf("rank %v", rank), seed, 3.64+1.2/rank, map[string]any{"rank": rank, "update_proj_gap": 50.0}))
		}
		for i, gap := range []any{5.0, 10.0, 20.0, 100.0, 200.0, "never"} {
			rows = append(rows, sampleRun("galore", "", seed, 3.64+0.01*float64(i*i), map[string]any{"rank": 32.0, "update_proj_gap": gap}))
			rows = append(rows, sampleRun("galore", "", seed, 3.67+0.015*float64(i*i), map[string]any{"rank": 16.0, "update_proj_gap": gap}))
		}
	}
	return rows
}

func sampleFigures() []view.Figure {
	base := map[string]any{"rank": []any{32.0}, "update_proj_gap": 50.0}
	galore := map[string]any{"method": "galore"}
	return []view.Figure{
		{ID: "loss", Kind: view.Line, Title: "Validation loss against training tokens", X: "tokens_seen", Y: "loss", Where: map[string]any{"curve": "main"}},
		{ID: "train-loss", Kind: view.Line, Title: "Training loss", X: "step", Y: "train_loss", Where: map[string]any{"curve": "main"}},
		{ID: "ppl-log", Kind: view.Line, Title: "Perplexity on log scales: a long title that does not fit on one line of a figure of this width and is therefore broken", X: "step", Y: "ppl", XScale: view.Log, YScale: view.Log, Where: map[string]any{"curve": "main"}},
		{ID: "rank", Kind: view.Line, Title: "Perplexity against rank", X: "rank", Y: "ppl", Where: map[string]any{"method": "galore", "update_proj_gap": 50.0}, Baseline: map[string]any{"method": "adamw", "curve": "main"}, XScale: view.Log},
		{ID: "gap", Kind: view.Line, Title: "How often to refresh the subspace, at each rank", X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: map[string]any{"method": "galore", "rank": []any{16.0, 32.0}}, Baseline: map[string]any{"method": "adamw", "curve": "main"}},
		{ID: "ranks", Kind: view.Line, Title: "Loss of each rank", X: "tokens_seen", Y: "loss", Group: []string{"method", "rank"}, Where: map[string]any{"method": "galore", "update_proj_gap": 50.0}},
		{ID: "memory", Kind: view.StackedBar, Title: "Memory by category", X: "method", Y: "bytes", Stack: "category", Where: map[string]any{"curve": "main"}},
		{ID: "state", Kind: view.StackedBar, Title: "Optimizer memory", X: "method", Y: "bytes", Stack: "category", Where: map[string]any{"curve": "main", "category": []any{"optimizer_state", "projectors"}}},
		{ID: "bar", Kind: view.Bar, Title: "Validation perplexity", X: "method", Y: "ppl", Where: map[string]any{"curve": "main"}},
		{ID: "bars", Kind: view.Bar, Title: "Perplexity by gap and rank", X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: galore},
		{ID: "long", Kind: view.Line, Title: "Long names in the legend", X: "step", Y: "loss", Group: []string{"method", "rank", "update_proj_gap", "note"}, Where: map[string]any{"rank": 32.0, "seed": 0}},
		{ID: "names", Kind: view.StackedBar, Title: "Many methods with long names", X: "name", Y: "bytes", Where: map[string]any{"seed": 0}},
		{ID: "diverged", Kind: view.Line, Title: "Learning rates up to divergence", X: "rate", Y: "ppl", XScale: view.Log, Where: map[string]any{"part": "rates"}},
		{ID: "diverged-curve", Kind: view.Line, Title: "Loss of runs that diverged", X: "step", Y: "loss", Group: []string{"method", "rate"}, Where: map[string]any{"part": "rates", "method": "galore", "rate": []any{0.001, 0.01, 0.1}}},
		{ID: "diverged-bar", Kind: view.Bar, Title: "Perplexity at each rate", X: "rate", Y: "ppl", Where: map[string]any{"part": "rates"}},
		{ID: "speed", Kind: view.Bar, X: "method", Y: "tokens_per_second", Where: base, Baseline: nil},
	}
}

// samples returns rows and figures of every kind. Rows marked "main" are one
// run per method.
func samples() ([]view.Row, []view.Figure) {
	rows := sampleRows()
	seen := map[string]bool{}
	for i, r := range rows {
		if key := fmt.Sprint(r.Method, r.Seed); !seen[key] {
			seen[key] = true
			rows[i].Settings["curve"] = "main"
		}
	}
	for i, r := range rows {
		rows[i].Settings["note"] = "a very long value that needs two lines"
		rows[i].Settings["name"] = fmt.Sprintf("%s rank %s gap %s", r.Method, view.Format(r.Settings["rank"]), view.Format(r.Settings["update_proj_gap"]))
	}
	for _, rate := range []float64{0.0003, 0.001, 0.003, 0.01, 0.03, 0.1} {
		for _, method := range []string{"adamw", "galore"} {
			for seed := range 2 {
				x := math.Log10(rate / 0.005)
				r := sampleRun(method, "", seed, 3.6+0.2*x*x, map[string]any{"rate": rate, "part": "rates"})
				if r.Diverged = rate >= 0.1 || rate == 0.03 && method == "galore" && seed == 1; r.Diverged {
					r.Results["ppl"], r.Results["loss"] = math.NaN(), math.NaN()
					calm := r.Metrics
					r.Metrics = func() (record.Metrics, error) {
						m, err := calm()
						m.Eval = m.Eval[:5]
						m.Eval[4].Loss = 5e4
						return m, err
					}
				}
				rows = append(rows, r)
			}
		}
	}
	return rows, sampleFigures()
}

// TestSamples draws every kind of figure. With RANKLAB_FIGURES=DIR the pictures
// stay in DIR, to be looked at.
func TestSamples(t *testing.T) {
	dir := os.Getenv("RANKLAB_FIGURES")
	if dir == "" {
		dir = t.TempDir()
	}
	rows, figures := samples()
	paths, notes, err := WriteFigures(dir, view.Declarations{Figures: figures}, rows, 0)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	if len(paths) != 3*len(figures) {
		t.Errorf("%d files for %d figures, want 3 each", len(paths), len(figures))
	}
}

package plots

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"slices"
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
		ID: sampleID(method, seed, settings), Method: method, Kind: method, Label: label, Seed: seed,
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
	r.Timing = func() ([]record.TimingRow, error) {
		var rows []record.TimingRow
		for step := 10; step <= 400; step += 10 {
			rows = append(rows, record.TimingRow{Step: step, ElapsedS: record.Float(float64(step) * (2 + 0.1*float64(len(method)) + 0.02*float64(seed)))})
		}
		return rows, nil
	}
	return r
}

// sampleID makes an id like that of a run.
func sampleID(method string, seed int, settings map[string]any) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %d %v", method, seed, settings)))
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
	return []view.Figure{
		{ID: "loss", Kind: view.Line, Title: "Validation loss against training tokens", X: "tokens_seen", Y: "loss", Where: map[string]any{"curve": "main"}},
		{ID: "train-loss", Kind: view.Line, Title: "Training loss", X: "step", Y: "train_loss", Where: map[string]any{"curve": "main"}},
		{ID: "ppl-log", Kind: view.Line, Title: "Perplexity on log scales: a long title that does not fit on one line of a figure of this width and is therefore broken", X: "step", Y: "ppl", XScale: view.Log, YScale: view.Log, Where: map[string]any{"curve": "main"}},
		{ID: "rank", Kind: view.Line, Title: "Perplexity against rank", X: "rank", Y: "ppl", Where: map[string]any{"method": "galore", "update_proj_gap": 50.0}, Baseline: map[string]any{"method": "adamw", "curve": "main"}, XScale: view.Log},
		{ID: "gap", Kind: view.Line, Title: "How often to refresh the subspace, at each rank", X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: map[string]any{"part": "main", "method": "galore", "rank": []any{16.0, 32.0}}, Baseline: map[string]any{"method": "adamw", "curve": "main"}},
		{ID: "ranks", Kind: view.Line, Title: "Loss of each rank", X: "tokens_seen", Y: "loss", Group: []string{"method", "rank"}, Where: map[string]any{"method": "galore", "update_proj_gap": 50.0}},
		{ID: "memory", Kind: view.StackedBar, Title: "Memory by category", X: "method", Y: "bytes", Stack: "category", Where: map[string]any{"curve": "main"}},
		{ID: "state", Kind: view.StackedBar, Title: "Optimizer memory", X: "method", Y: "bytes", Stack: "category", Where: map[string]any{"curve": "main", "category": []any{"optimizer_state", "projectors"}}},
		{ID: "bar", Kind: view.Bar, Title: "Validation perplexity", X: "method", Y: "ppl", Where: map[string]any{"curve": "main"}},
		{ID: "bars", Kind: view.Bar, Title: "Perplexity by gap and rank", X: "update_proj_gap", Y: "ppl", Group: []string{"rank"}, Where: map[string]any{"method": "galore", "part": "main"}},
		{ID: "long", Kind: view.Line, Title: "Long names in the legend", X: "step", Y: "loss", Group: []string{"method", "rank", "update_proj_gap", "note"}, Where: map[string]any{"part": "main", "rank": 32.0, "seed": 0}},
		{ID: "names", Kind: view.StackedBar, Title: "Many methods with long names", X: "name", Y: "bytes", Where: map[string]any{"seed": 0}},
		{ID: "diverged", Kind: view.Line, Title: "Learning rates up to divergence", X: "rate", Y: "ppl", XScale: view.Log, Where: map[string]any{"part": "rates"}},
		{ID: "diverged-curve", Kind: view.Line, Title: "Loss of runs that diverged", X: "step", Y: "loss", Group: []string{"method", "rate"}, Where: map[string]any{"part": "rates", "method": "galore", "rate": []any{0.001, 0.01, 0.1}}},
		{ID: "diverged-bar", Kind: view.Bar, Title: "Perplexity at each rate", X: "rate", Y: "ppl", Where: map[string]any{"part": "rates"}},
		{ID: "raw", Kind: view.Line, Title: "Single seeds", X: "step", Y: "loss", Raw: true, Band: view.NoBand, Where: map[string]any{"curve": "main"}},
		{ID: "raw-rank", Kind: view.Line, Title: "Single seeds against rank", X: "rank", Y: "ppl", Raw: true, XScale: view.Log, Where: map[string]any{"method": "galore", "update_proj_gap": 50.0}},
		{ID: "band", Kind: view.Line, Title: "A band along few points", X: "rank", Y: "ppl", Band: "ci95", XScale: view.Log, Where: map[string]any{"method": "galore", "update_proj_gap": 50.0}, Baseline: map[string]any{"method": "adamw", "curve": "main"}},
		{ID: "clock", Kind: view.Line, Title: "Perplexity against wall-clock", X: "seconds", Y: "ppl", YScale: view.Log, Where: map[string]any{"curve": "main"}},
		{ID: "beyond", Kind: view.Line, Title: "Refresh interval on a log scale, and never", X: "update_proj_gap", Y: "ppl", XScale: view.Log, Group: []string{"rank"}, Where: map[string]any{"part": "main", "method": "galore", "rank": []any{16.0, 32.0}}, Baseline: map[string]any{"method": "adamw", "curve": "main"}},
		{ID: "beyond-linear", Kind: view.Line, Title: "The same on a linear one", X: "update_proj_gap", Y: "ppl", XScale: view.Linear, Group: []string{"rank"}, Where: map[string]any{"part": "main", "method": "galore", "rank": []any{16.0, 32.0}}},
		{ID: "heat", Kind: view.HeatMap, Title: "Perplexity by rank and refresh interval", X: "update_proj_gap", Y: "rank", Z: "ppl", Where: map[string]any{"part": "main", "method": "galore", "rank": []any{8.0, 16.0, 32.0, 64.0}}, Baseline: map[string]any{"method": "adamw", "curve": "main"}},
		{ID: "heat-log", Kind: view.HeatMap, Title: "Perplexity by method and rate, up to divergence", X: "rate", Y: "method", Z: "ppl", ZScale: view.Log, Where: map[string]any{"part": "rates"}},
		{ID: "heat-bytes", Kind: view.HeatMap, Title: "Optimizer state", X: "rank", Y: "size", Z: "optimizer_state_bytes", Where: map[string]any{"part": "sizes", "method": "galore", "update_proj_gap": 20.0}},
		{ID: "frontier", Kind: view.Frontier, Title: "Perplexity against optimizer memory", X: "optimizer_state_bytes", Y: "ppl", Where: map[string]any{"part": "sizes", "size": "3M", "update_proj_gap": []any{"none", 20.0}}},
		{ID: "frontier-log", Kind: view.Frontier, Title: "Perplexity against training time", X: "train_seconds", Y: "ppl", XScale: view.Log, YScale: view.Log, Where: map[string]any{"part": "sizes"}},
		{ID: "frontier-rate", Kind: view.Frontier, Title: "Perplexity against speed", X: "tokens_per_second", Y: "loss", Where: map[string]any{"part": "sizes", "size": "9M"}},
		{ID: "facet-rank", Kind: view.Line, Title: "Perplexity against rank, at each size", X: "rank", Y: "ppl", XScale: view.Log, Facet: "size", Where: map[string]any{"part": "sizes", "update_proj_gap": []any{"none", 20.0}}, Baseline: map[string]any{"part": "sizes", "method": "adamw"}},
		{ID: "facet-curve", Kind: view.Line, Title: "Loss at each rank", X: "tokens_seen", Y: "loss", Facet: "rank", Where: map[string]any{"part": "sizes", "size": "1M", "update_proj_gap": []any{"none", 20.0}}},
		{ID: "facet-bar", Kind: view.Bar, Title: "Perplexity at each rank and size", X: "rank", Y: "ppl", Group: []string{"method"}, Facet: "size", Where: map[string]any{"part": "sizes", "update_proj_gap": []any{"none", 20.0}}, Baseline: map[string]any{"part": "sizes", "method": "adamw"}},
		{ID: "facet-names", Kind: view.Bar, Title: "Names as categories", X: "method", Y: "ppl", Facet: "size", Where: map[string]any{"part": "sizes", "rank": []any{32.0, "full"}, "update_proj_gap": []any{"none", 20.0}}},
		{ID: "facet-heat", Kind: view.HeatMap, Title: "Rank and refresh interval at each size", X: "update_proj_gap", Y: "rank", Z: "ppl", Facet: "size", Where: map[string]any{"part": "sizes", "method": "galore"}},
		{ID: "facet-frontier", Kind: view.Frontier, Title: "Perplexity against optimizer memory, at each size", X: "optimizer_state_bytes", Y: "ppl", Facet: "size", Where: map[string]any{"part": "sizes", "update_proj_gap": []any{"none", 20.0}}},
		{ID: "facet-gap", Kind: view.Line, Title: "Refresh interval at each rank and size", X: "update_proj_gap", Y: "ppl", XScale: view.Log, YScale: view.Log, Facet: "rank", Group: []string{"size"}, Where: map[string]any{"part": "sizes", "method": "galore"}},
		{ID: "facet-many", Kind: view.Line, Title: "Many panels", X: "step", Y: "loss", Facet: "pane", Group: []string{"method"}, Where: map[string]any{"part": "panes"}},
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
		rows[i].Settings["part"] = "main"
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
	return slices.Concat(rows, sampleSizes(), samplePanes()), sampleFigures()
}

// sampleSizes makes runs of methods at three sizes of model, in which memory and
// time depend on the rank.
func sampleSizes() []view.Row {
	var rows []view.Row
	add := func(method, label, size string, rank, gap any, loss, bytes, seconds float64) {
		for seed := range 3 {
			r := sampleRun(method, label, seed, loss, map[string]any{"part": "sizes", "size": size, "rank": rank, "update_proj_gap": gap})
			r.Results["optimizer_state_bytes"] = math.Round(bytes) * (1 << 10)
			r.Results["train_seconds"] = seconds * (1 + 0.03*float64(seed))
			r.Results["tokens_per_second"] = 2e6 / r.Results["train_seconds"]
			rows = append(rows, r)
		}
	}
	for i, size := range []string{"1M", "3M", "9M"} {
		n := math.Pow(3, float64(i))
		base := 3.9 - 0.25*float64(i)
		add("adamw", "Full-Rank", size, "full", "none", base, 9000*n, 100*n)
		for _, rank := range []float64{8, 16, 32, 64} {
			for j, gap := range []any{5.0, 20.0, 80.0, 320.0, "never"} {
				add("galore", "", size, rank, gap, base+0.5/math.Sqrt(rank)+0.03*math.Abs(float64(j)-1.3), 1200*n+90*rank*math.Sqrt(n), (110+40/(1+float64(j)))*n)
			}
			add("lora", "LoRA", size, rank, "none", base+0.3+1/math.Sqrt(rank), 900*n+60*rank*math.Sqrt(n), 90*n+rank/4)
		}
	}
	return rows
}

func samplePanes() []view.Row {
	var rows []view.Row
	for i := range 11 {
		for seed := range 2 {
			for _, method := range []string{"galore", "lora"} {
				rows = append(rows, sampleRun(method, "", seed, 3.5+0.05*float64(i), map[string]any{"part": "panes", "pane": float64(i)}))
			}
		}
	}
	return rows
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
	if len(paths) != 4*len(figures) {
		t.Errorf("%d files for %d figures, want 4 each", len(paths), len(figures))
	}
}

package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"ranklab/harness/footprint"
	"ranklab/harness/view"
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/plots"
	"ranklab/tensor"
)

// memoryFigures draws the figures of the exact bf16 column and one of the actual
// column: they need no run.
func (v *env) memoryFigures(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var errs []error
	for _, chart := range []func() (view.Chart, error){stackedMemory, ledgerMemory, memoryBySize, memoryPerParameter, stateByRank} {
		c, err := chart()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		paths, err := plots.Write(filepath.Join(dir, "fig-"+c.Figure.ID), c)
		errs = append(errs, err)
		for _, p := range paths {
			fmt.Fprintln(v.stderr, "wrote "+p)
		}
	}
	return errors.Join(errs...)
}

// exactNote is what a reader must know beside each of these figures.
const exactNote = "exact bf16: 2 bytes per value, by formula; nothing was run"

// A drawn method is one bar or line.
type drawn struct {
	label   string
	method  string // as in view.Series: equal to the kind for the kind's own look
	formula footprint.Method
}

// exactPoint is a point that has no run behind it.
func exactPoint(x float64, y float64) view.Point {
	return view.Point{X: x, Y: y, Lo: math.NaN(), Hi: math.NaN()}
}

// stackedMemory is the figure after 2403.03507, Figure 1: what a 7b model takes.
func stackedMemory() (view.Chart, error) {
	const preset = "7b"
	config, _ := models.Preset(preset)
	rank := footprint.DefaultRank(preset, config)
	c := view.Chart{
		Figure: view.Figure{ID: "memory-7b", Kind: view.StackedBar, X: "method", Y: "bytes",
			Title: fmt.Sprintf("Memory without activations at %s, rank %d (exact bf16)", preset, rank)},
		X: view.Describe("method"), Y: view.Describe("bytes"), XScale: view.Category,
		Warnings: []string{exactNote, "8-bit: moments only, in blocks of 256", "layer-wise: room for one gradient"},
	}
	parts := []struct {
		category memory.Category
		of       func(footprint.Parts) int64
	}{
		{memory.Weights, func(p footprint.Parts) int64 { return p.Weights }},
		{memory.Adapters, func(p footprint.Parts) int64 { return p.Adapters }},
		{memory.Gradients, func(p footprint.Parts) int64 { return p.Gradients }},
		{memory.OptimizerState, func(p footprint.Parts) int64 { return p.State }},
		{memory.Projectors, func(p footprint.Parts) int64 { return p.Projectors }},
	}
	for _, part := range parts {
		c.Series = append(c.Series, view.Series{Label: string(part.category)})
	}
	for i, d := range []drawn{
		{"Full-Rank", "", footprint.Method{Kind: "adamw"}},
		{"Adafactor", "", footprint.Method{Kind: "adafactor"}},
		{"8-bit Adam", "", footprint.Method{Kind: "adamw8bit", Block: 256}},
		{"LoRA, ReLoRA", "", footprint.Method{Kind: "lora"}},
		{"Low-Rank", "", footprint.Method{Kind: "lowrank"}},
		{"GaLore", "", footprint.Method{Kind: "galore"}},
		{"8-bit GaLore", "", footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Block: 256}},
		{"8-bit GaLore, layer-wise", "", footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Block: 256, Layerwise: true}},
	} {
		d.formula.Rank = rank
		p, err := footprint.Exact(config, d.formula)
		if err != nil {
			return c, err
		}
		c.Categories = append(c.Categories, d.label)
		for s, part := range parts {
			c.Series[s].Points = append(c.Series[s].Points, exactPoint(float64(i), float64(part.of(p))))
		}
	}
	return c, nil
}

// ledgerMemory is the same as ranklab itself would take it: the predicted ledgers,
// activations and all.
func ledgerMemory() (view.Chart, error) {
	const preset = "7b"
	config, _ := models.Preset(preset)
	m := memoryCmd{ProjType: "std", Block: 256, BatchSize: 1, MaxLength: 256, Threads: 1}
	rank := m.rank(preset, config)
	c := view.Chart{
		Figure: view.Figure{ID: "memory-7b-ledger", Kind: view.StackedBar, X: "method", Y: "bytes",
			Title: fmt.Sprintf("Memory with activations at %s, rank %d, %d × %d tokens (actual)", preset, rank, m.BatchSize, m.MaxLength)},
		X: view.Describe("method"), Y: view.Describe("bytes"), XScale: view.Category,
		Warnings: []string{
			"actual: the ledger of a run, predicted; nothing was run", "float32, but for 8-bit moments and 8-bit GaLore's bases (bfloat16)",
			"layer-wise: the one gradient is scratch",
		},
	}
	device := tensor.NewDevice(tensor.Options{Threads: m.Threads})
	defer device.Close()
	kept, err := m.actual(preset, rank, device)
	if err != nil {
		return c, err
	}
	m.Set = []string{"train.layerwise=true"}
	layerwise, err := m.actual(preset, rank, device)
	if err != nil {
		return c, err
	}
	for _, category := range memory.Categories() {
		c.Series = append(c.Series, view.Series{Label: string(category)})
	}
	for i, bar := range []struct {
		label string
		bytes map[memory.Category]int64
	}{
		{"Full-Rank", kept["adamw"]}, {"Adafactor", kept["adafactor"]}, {"8-bit Adam", kept["adamw8bit"]}, {"LoRA, ReLoRA", kept["lora"]}, {"Low-Rank", kept["lowrank"]},
		{"GaLore", kept["galore"]}, {"8-bit GaLore", kept["galore8bit"]}, {"8-bit GaLore, layer-wise", layerwise["galore8bit"]},
	} {
		c.Categories = append(c.Categories, bar.label)
		for s, category := range memory.Categories() {
			c.Series[s].Points = append(c.Series[s].Points, exactPoint(float64(i), float64(bar.bytes[category])))
		}
	}
	return c, nil
}

// sizes lists the presets of the figures over model size.
func sizes() []string { return []string{"60m", "130m", "350m", "1b", "3b", "7b"} }

// memoryBySize is the figure after 2403.03507, Figure 4: memory against the size
// of the model.
func memoryBySize() (view.Chart, error) {
	c := view.Chart{
		Figure: view.Figure{ID: "memory-size", Kind: view.Line, X: "parameters", Y: "bytes", YScale: view.Log,
			Title: "Memory without activations against model size (exact bf16)"},
		Y: view.Describe("bytes"),
	}
	err := overSizes(&c, func(p footprint.Parts, _ int64) float64 { return float64(p.Total()) })
	return c, err
}

// memoryPerParameter is the same with the trivial part divided out, so that the
// methods stand apart.
func memoryPerParameter() (view.Chart, error) {
	c := view.Chart{
		Figure: view.Figure{ID: "memory-per-parameter", Kind: view.Line, X: "parameters", Y: "bytes_per_parameter",
			Title: "Memory without activations per parameter of the dense model (exact bf16)"},
		Y: view.Column{Name: "bytes_per_parameter", Header: "bytes per parameter"},
	}
	err := overSizes(&c, func(p footprint.Parts, parameters int64) float64 { return float64(p.Total()) / float64(parameters) })
	return c, err
}

// overSizes draws a line per method over the sizes of models, each at its
// default rank.
func overSizes(c *view.Chart, y func(p footprint.Parts, parameters int64) float64) error {
	c.X, c.XScale = view.Column{Name: "parameters", Header: "parameters of the dense model", Kind: view.Count}, view.Log
	var ranks []string
	for _, preset := range sizes() {
		config, _ := models.Preset(preset)
		ranks = append(ranks, fmt.Sprintf("%s %d", preset, footprint.DefaultRank(preset, config)))
	}
	c.Warnings = []string{exactNote, "ranks: " + strings.Join(ranks, ", "), "8-bit: moments only, in blocks of 256", "layer-wise: room for one gradient"}
	for _, d := range []drawn{
		{"Full-Rank", "adamw", footprint.Method{Kind: "adamw"}},
		{"8-bit Adam", "adamw-8bit", footprint.Method{Kind: "adamw8bit", Block: 256}},
		{"LoRA, ReLoRA", "lora", footprint.Method{Kind: "lora"}},
		{"GaLore", "galore", footprint.Method{Kind: "galore"}},
		{"8-bit GaLore", "galore-8bit", footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Block: 256}},
		{"Low-Rank", "lowrank", footprint.Method{Kind: "lowrank"}},
		{"8-bit GaLore, layer-wise", "galore-8bit-layerwise", footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Block: 256, Layerwise: true}},
	} {
		s := view.Series{Label: d.label, Method: d.method, Kind: d.formula.Kind}
		for _, preset := range sizes() {
			config, _ := models.Preset(preset)
			d.formula.Rank = footprint.DefaultRank(preset, config)
			p, err := footprint.Exact(config, d.formula)
			if err != nil {
				return err
			}
			n := config.NumParams()
			s.Points = append(s.Points, exactPoint(float64(n), y(p, n)))
		}
		c.Series = append(c.Series, s)
	}
	return nil
}

// stateByRank shows which ranks save memory of the optimizer.
func stateByRank() (view.Chart, error) {
	const preset = "130m"
	config, _ := models.Preset(preset)
	c := view.Chart{
		Figure: view.Figure{ID: "memory-rank", Kind: view.Line, X: "rank", Y: "optimizer_state_bytes",
			Title: "Optimizer state against rank at 130m (exact bf16)"},
		X: view.Describe("rank"), Y: view.Column{Name: "optimizer_state_bytes", Header: "optimizer state", Unit: "MiB", Kind: view.Bytes}, XScale: view.Linear,
		Warnings: []string{exactNote, "projectors are part of the state", "768 is the full rank of attention and MLP"},
	}
	state := func(m footprint.Method) (float64, error) {
		p, err := footprint.Exact(config, m)
		return float64(p.States()), err
	}
	full, err := state(footprint.Method{Kind: "adamw"})
	if err != nil {
		return c, err
	}
	rest := float64(2 * 2 * (config.NumParams() - config.Linear())) // two moments of 2 bytes
	c.Baselines = []view.Series{
		{Label: "Full-Rank", Method: "adamw", Kind: "adamw", Points: []view.Point{exactPoint(0, full)}},
		{Label: "embedding, head and norms alone", Points: []view.Point{exactPoint(0, rest)}},
	}
	for _, d := range []drawn{
		{"LoRA, ReLoRA, Low-Rank", "lora", footprint.Method{Kind: "lora"}},
		{"GaLore", "galore", footprint.Method{Kind: "galore"}},
		{"GaLore, reverse_std", "galore-reverse", footprint.Method{Kind: "galore", ProjType: "reverse_std"}},
	} {
		s := view.Series{Label: d.label, Method: d.method, Kind: d.formula.Kind}
		for _, rank := range []int{64, 128, 192, 256, 384, 512, 640, 768} {
			d.formula.Rank = rank
			n, err := state(d.formula)
			if err != nil {
				return c, err
			}
			s.Points = append(s.Points, exactPoint(float64(rank), n))
		}
		c.Series = append(c.Series, s)
	}
	return c, nil
}

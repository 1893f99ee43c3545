package cli

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"ranklab/harness/footprint"
	"ranklab/harness/report"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/tensor"
)

type memoryCmd struct {
	Preset    []string `help:"Models: presets, or all. Default: 130m." default:"130m" placeholder:"NAME,…"`
	Rank      int      `help:"Rank of the low-rank methods. Default: the paper's, or a quarter of hidden_size." placeholder:"N"`
	ProjType  string   `help:"Side on which GaLore projects: ${enum}." enum:"std,reverse_std,left,right,full" default:"std"`
	Block     int      `help:"Elements per block of 8-bit moments. Default: 256." default:"256" placeholder:"N"`
	BatchSize int      `help:"Sequences per micro-batch of the actual column, without accumulation. Default: 1, with 256 tokens the token batch of the paper's Figure 1." default:"1" placeholder:"N"`
	MaxLength int      `help:"Tokens per sequence. Default: 256." default:"256" placeholder:"N"`
	Threads   int      `short:"t" help:"Threads of the actual column: each has packing panels. Default: 1." default:"1" placeholder:"N"`
	Set       []string `short:"S" name:"set" help:"Override a value of the runs of the actual column: -S train.layerwise=true. Repeatable." placeholder:"KEY=VALUE" sep:"none"`
	Formulas  bool     `help:"Print the formulas of one m × n weight first."`
	Figures   string   `help:"Also draw figures, at the default ranks, in this folder." type:"path" placeholder:"DIR"`
	Format    string   `short:"f" help:"One of ${enum}." enum:"text,markdown,csv,json" default:"text"`
	jsonArg   `embed:""`
}

func (c memoryCmd) Run(v *env) error {
	if err := checkThreads(c.Threads); err != nil {
		return err
	}
	presets, err := c.presets()
	if err != nil {
		return exitError{train.ExitUsage, err.Error()}
	}
	m := report.Memory{Notes: c.notes()}
	if c.Formulas {
		m.Formulas = c.formulas(presets[len(presets)-1])
	}
	device := tensor.NewDevice(tensor.Options{Threads: c.Threads})
	defer device.Close()
	for _, name := range presets {
		t, err := c.table(name, device)
		var problems *spec.Problems
		switch {
		case errors.As(err, &problems):
			return err
		case err != nil:
			return exitError{train.ExitUsage, name + ": " + err.Error()}
		}
		m.Tables = append(m.Tables, t)
	}
	format := c.Format
	if c.JSON {
		format = report.JSON
	}
	if err := report.WriteMemory(v.stdout, m, format); err != nil || c.Figures == "" {
		return err
	}
	return v.memoryFigures(c.Figures)
}

// presets returns the names of the models, and refuses settings that no model
// can have.
func (c memoryCmd) presets() ([]string, error) {
	known := models.Presets()
	var names []string
	for _, name := range c.Preset {
		if _, ok := models.Preset(name); ok {
			names = append(names, name)
			continue
		}
		if name == "all" {
			names = append(names, known...)
			continue
		}
		text := fmt.Sprintf("unknown preset %q", name)
		if near := spec.Nearest(name, known); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		} else {
			text += "; choose from all, " + strings.Join(known, ", ")
		}
		return nil, errors.New(text)
	}
	if c.Block < 1 || c.BatchSize < 1 || c.MaxLength < 2 || c.Threads < 1 || c.Rank < 0 {
		return nil, errors.New("--rank, --block, --batch-size and --threads must be positive, and --max-length at least 2")
	}
	return names, nil
}

// rank returns the rank for a preset.
func (c memoryCmd) rank(name string, config models.Config) int {
	if c.Rank > 0 {
		return c.Rank
	}
	return footprint.DefaultRank(name, config)
}

// A memoryMethod is a row of the tables.
type memoryMethod struct {
	label   string
	run     string // name of the method in memory.toml
	formula footprint.Method
}

// methods lists the rows: those of the paper's Table 2, then the others.
func (c memoryCmd) methods(rank int) []memoryMethod {
	return []memoryMethod{
		{"Full-Rank", "adamw", footprint.Method{Kind: "adamw"}},
		{"GaLore", "galore", footprint.Method{Kind: "galore", Rank: rank, ProjType: c.ProjType}},
		{"Low-Rank", "lowrank", footprint.Method{Kind: "lowrank", Rank: rank}},
		{"LoRA", "lora", footprint.Method{Kind: "lora", Rank: rank}},
		{"ReLoRA", "relora", footprint.Method{Kind: "relora", Rank: rank}},
		{"8-bit Adam", "adamw8bit", footprint.Method{Kind: "adamw8bit", Block: c.Block}},
		{"8-bit GaLore", "galore8bit", footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Rank: rank, ProjType: c.ProjType, Block: c.Block}},
		{"Adafactor", "adafactor", footprint.Method{Kind: "adafactor"}},
		{"Adafactor, momentum", "adafactor_momentum", footprint.Method{Kind: "adafactor", Momentum: true}},
		{"SGD, momentum", "sgd", footprint.Method{Kind: "sgd"}},
	}
}

// table joins the columns of one model.
func (c memoryCmd) table(name string, device *tensor.Device) (report.MemoryTable, error) {
	config, _ := models.Preset(name)
	rank := c.rank(name, config)
	t := report.MemoryTable{Preset: name, Parameters: config.NumParams(), Rank: rank, BatchSize: c.BatchSize, MaxLength: c.MaxLength}
	for _, m := range c.methods(rank) {
		e, err := footprint.Exact(config, m.formula)
		if err != nil {
			return t, err
		}
		row := report.MemoryRow{Method: m.label, Exact: e}
		if rule, ok := footprint.Paper(name, m.formula); ok {
			row.Paper = &rule
		}
		if g, ok := footprint.Printed(name, m.formula); ok {
			deviation := float64(e.AllWeights()+e.States())/(g*footprint.G) - 1
			row.Printed, row.Deviation = &g, &deviation
		}
		t.Rows = append(t.Rows, row)
	}
	actual, err := c.actual(name, rank, device)
	if err != nil {
		return t, err
	}
	for i, m := range c.methods(rank) {
		t.Rows[i].Actual = actual[m.run]
	}
	return t, nil
}

//go:embed memory.toml
var memoryFiles embed.FS

// actual predicts the ledgers of the runs in memory.toml, by method.
func (c memoryCmd) actual(preset string, rank int, device *tensor.Device) (map[string]map[memory.Category]int64, error) {
	set := []string{
		"model.preset=" + preset, fmt.Sprintf("train.total_batch_size=%d", c.BatchSize), fmt.Sprintf("train.max_length=%d", c.MaxLength),
		"method.galore.proj_type=" + c.ProjType, "method.galore8bit.proj_type=" + c.ProjType,
		fmt.Sprintf("method.adamw8bit.block_size=%d", c.Block), fmt.Sprintf("method.galore8bit.block_size=%d", c.Block),
	}
	for _, method := range []string{"galore", "galore8bit", "lowrank", "lora", "relora"} {
		set = append(set, fmt.Sprintf("method.%s.rank=%d", method, rank))
	}
	e, err := spec.LoadFS(memoryFiles, "memory.toml", append(set, c.Set...))
	if err != nil {
		return nil, err
	}
	actual := map[string]map[memory.Category]int64{}
	for _, inst := range e.Runs {
		p, err := train.Predict(inst.Run, device)
		if err != nil {
			return nil, err
		}
		actual[inst.Run.Method.Name] = p.Ledger.ByCategory()
	}
	return actual, nil
}

// formulas evaluates the formulas for the gate of a preset's MLP.
func (c memoryCmd) formulas(name string) *report.FormulaTable {
	config, _ := models.Preset(name)
	t := &report.FormulaTable{Out: config.IntermediateSize, In: config.HiddenSize, Rank: c.rank(name, config), Of: "an MLP weight of " + name}
	for _, f := range footprint.Formulas() {
		m := f.Method
		m.Rank = t.Rank
		if m.Block > 0 {
			m.Block = c.Block
		}
		t.Rows = append(t.Rows, report.FormulaRow{Formula: f, Example: footprint.Example(t.Out, t.In, m)})
	}
	return t
}

// notes says what the columns are, and why two of them differ.
func (c memoryCmd) notes() []string {
	changed := ""
	if len(c.Set) > 0 {
		changed = "; changed by -S " + strings.Join(c.Set, " -S ")
	}
	return []string{
		"printed: arXiv:2403.03507, Table 2, weights and optimizer states. paper: the rule behind these numbers, recovered by a fit to its Table 6: " +
			"2 bytes per value, the nominal size as the number of parameters.",
		"Why the paper's column is not what its own Table 1 gives: LoRA's and ReLoRA's weights count embedding and head twice; GaLore's states are " +
			"1.5(m+n)r for each projected weight, where Table 1 has mr + 2nr, and 1.5 values instead of 2 for each element of embedding and head; " +
			"and the weights of Full-Rank and GaLore are a nominal size: 60, 130, 350 and 1,331.2 million parameters.",
		fmt.Sprintf("exact bf16: every value counted, 2 bytes each; adapters are weights. Moments of 8 bits take a byte each and two float32 constants per block of %d; tensors of "+
			"fewer than 4096 elements keep float32 moments, projectors their 2 bytes. Adafactor's states are counted at 2 bytes; common implementations keep them in float32.", c.Block),
		fmt.Sprintf("actual: what ranklab registers before the first update, predicted: values in float32, but for 8-bit moments and 8-bit GaLore's projectors (bfloat16), the gradients of "+
			"all trained parameters at once, the activations of one micro-batch, and scratch, with packing panels for --threads %d%s.", c.Threads, changed),
	}
}

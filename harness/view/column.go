package view

import (
	"strings"

	"ranklab/harness/record"
	"ranklab/internal/memory"
)

// A Column says how a column is written for people.
type Column struct {
	Name   string
	Header string // "validation perplexity"
	Unit   string // "MiB"; "" for pure numbers
	Kind   Quantity
	Exact  bool // the same for every seed, so that any variation is an error
	Metric bool // a result; the others are settings
}

// cutShort reports whether a run that diverged has nothing to say in a column: a
// result, or a sum over a run that ended early. Its speed and memory count.
func (c Column) cutShort() bool {
	return !c.Exact && (c.Kind == Measure || c.Kind == Seconds || c.Kind == Count)
}

// A Quantity says how numbers of a column are written.
type Quantity int

// Quantities.
const (
	Plain   Quantity = iota // as they are
	Measure                 // results: four significant digits
	Bytes                   // MiB
	Rate                    // per second
	Seconds
	Count // k, M, B on axes
)

// metric is a result column: how it is written and where it comes from.
type metric struct {
	Column
	value func(r record.Run) float64
}

// metrics lists the result columns.
func metrics() []metric {
	of := func(row record.EvalRow, pick func(record.EvalRow) record.Float) float64 {
		if !row.Evaluated() {
			return missing
		}
		return float64(pick(row))
	}
	final := func(pick func(record.EvalRow) record.Float) func(record.Run) float64 {
		return func(r record.Run) float64 { return of(r.Summary.Final, pick) }
	}
	best := func(pick func(record.EvalRow) record.Float) func(record.Run) float64 {
		return func(r record.Run) float64 { return of(r.Summary.Best, pick) }
	}
	bytes := func(categories ...memory.Category) func(record.Run) float64 {
		return func(r record.Run) float64 {
			var sum int64
			for _, c := range categories {
				sum += r.Summary.Memory[c]
			}
			return float64(sum)
		}
	}
	ofMemory := func(pick func(record.Memory) (int64, bool)) func(record.Run) float64 {
		return func(r record.Run) float64 {
			if r.Memory == nil {
				return missing
			}
			n, ok := pick(*r.Memory)
			if !ok {
				return missing
			}
			return float64(n)
		}
	}
	loss := func(e record.EvalRow) record.Float { return e.Loss }
	ppl := func(e record.EvalRow) record.Float { return e.PPL }
	return []metric{
		{Column{Name: "ppl", Header: "validation perplexity", Kind: Measure}, final(ppl)},
		{Column{Name: "loss", Header: "validation loss", Unit: "nats/token", Kind: Measure}, final(loss)},
		{Column{Name: "bits_per_byte", Header: "bits/byte", Kind: Measure}, final(func(e record.EvalRow) record.Float { return e.BitsPerByte })},
		{Column{Name: "ppl_galore77", Header: "perplexity, N+1 estimator (GaLore#77)", Kind: Measure}, final(func(e record.EvalRow) record.Float { return e.PPLGalore77 })},
		{Column{Name: "select_loss", Header: "loss on the selection set", Unit: "nats/token", Kind: Measure}, chosenBy(loss)},
		{Column{Name: "select_ppl", Header: "perplexity on the selection set", Kind: Measure}, chosenBy(ppl)},
		{Column{Name: "best_ppl", Header: "best validation perplexity", Kind: Measure}, best(ppl)},
		{Column{Name: "best_loss", Header: "best validation loss", Unit: "nats/token", Kind: Measure}, best(loss)},
		{Column{Name: "optimizer_state_bytes", Header: "optimizer state, actual", Unit: "MiB", Kind: Bytes, Exact: true}, bytes(memory.OptimizerState, memory.Projectors)},
		{Column{Name: "weights_bytes", Header: "weights, actual", Unit: "MiB", Kind: Bytes, Exact: true}, bytes(memory.Weights, memory.Adapters)},
		{Column{Name: "gradients_bytes", Header: "gradients, actual", Unit: "MiB", Kind: Bytes, Exact: true}, bytes(memory.Gradients)},
		{Column{Name: "activations_bytes", Header: "activations", Unit: "MiB", Kind: Bytes, Exact: true}, bytes(memory.Activations)},
		{Column{Name: "actual_bytes", Header: "weights + states, actual", Unit: "MiB", Kind: Bytes, Exact: true}, bytes(memory.Weights, memory.Adapters, memory.OptimizerState, memory.Projectors)},
		{Column{Name: "exact_bf16_bytes", Header: "weights + states, exact bf16", Unit: "MiB", Kind: Bytes, Exact: true}, ofMemory(func(m record.Memory) (int64, bool) {
			if m.ExactBF16 == nil {
				return 0, false
			}
			return m.ExactBF16.Weights + m.ExactBF16.States, true
		})},
		{Column{Name: "paper_bytes", Header: "weights + states, paper", Unit: "MiB", Kind: Bytes, Exact: true}, ofMemory(func(m record.Memory) (int64, bool) {
			if m.Paper == nil {
				return 0, false
			}
			return m.Paper.Weights + m.Paper.States, true
		})},
		{Column{Name: "registered_bytes", Header: "registered memory", Unit: "MiB", Kind: Bytes}, bytes(memory.Categories()...)},
		{Column{Name: "peak_bytes", Header: "measured peak", Unit: "MiB", Kind: Bytes}, func(r record.Run) float64 { return orMissing(float64(r.Summary.PeakBytes)) }},
		{Column{Name: "tokens_per_second", Header: "tokens/s", Kind: Rate}, func(r record.Run) float64 { return orMissing(float64(r.Summary.TokensPerSecond)) }},
		{Column{Name: "threads", Header: "threads", Kind: Plain}, func(r record.Run) float64 { return orMissing(float64(r.Summary.Threads)) }},
		{Column{Name: "train_seconds", Header: "training time", Unit: "s", Kind: Seconds}, func(r record.Run) float64 { return float64(r.Summary.Time.TrainS) }},
		{Column{Name: "eval_seconds", Header: "evaluation time", Unit: "s", Kind: Seconds}, func(r record.Run) float64 { return float64(r.Summary.Time.EvalS) }},
		{Column{Name: "refresh_seconds", Header: "time in refreshes and merges", Unit: "s", Kind: Seconds}, func(r record.Run) float64 { return float64(r.Summary.Time.RefreshS) }},
		{Column{Name: "checkpoint_seconds", Header: "time of writing checkpoints", Unit: "s", Kind: Seconds}, func(r record.Run) float64 { return orMissing(float64(r.Summary.Time.CheckpointS)) }},
		{Column{Name: "diagnostics_seconds", Header: "time in diagnostics", Unit: "s", Kind: Seconds}, func(r record.Run) float64 { return orMissing(float64(r.Summary.Time.DiagnosticsS)) }},
		{Column{Name: "waiting_percent", Header: "waiting for a processor", Unit: "%", Kind: Measure}, func(r record.Run) float64 { return orMissing(100 * r.Summary.Waiting()) }},
		{Column{Name: "seconds", Header: "time in all", Unit: "s", Kind: Seconds}, func(r record.Run) float64 { return float64(r.Summary.Time.Total()) }},
		{Column{Name: "estimated_seconds", Header: "estimated time", Unit: "s", Kind: Seconds}, func(r record.Run) float64 {
			if r.Estimate == nil {
				return missing
			}
			return float64(r.Estimate.TotalS)
		}},
		{Column{Name: "tokens_seen", Header: "tokens seen", Kind: Count}, func(r record.Run) float64 { return float64(r.Summary.TokensSeen) }},
		{Column{Name: "positions", Header: "positions seen, padding included", Kind: Count}, func(r record.Run) float64 { return float64(r.Summary.Positions) }},
		{Column{Name: "epochs", Header: "epochs", Kind: Measure}, func(r record.Run) float64 { return float64(r.Summary.Epochs) }},
	}
}

// orMissing turns "not measured", written as 0, into NaN.
func orMissing(x float64) float64 {
	if x == 0 {
		return missing
	}
	return x
}

// curveColumns are what exists along a run only.
func curveColumns() []Column {
	return []Column{
		{Name: "step", Header: "updates", Kind: Count},
		{Name: "train_loss", Header: "training loss", Unit: "nats/token", Kind: Measure},
		{Name: "grad_norm", Header: "gradient norm", Kind: Measure},
		{Name: "bytes", Header: "memory", Unit: "MiB", Kind: Bytes},
		{Name: "rss_bytes", Header: "resident size", Unit: "MiB", Kind: Bytes},
	}
}

// Describe returns how a column is written. A name that is not known is a
// setting and stands for itself.
func Describe(name string) Column {
	for _, m := range metrics() {
		if m.Name == name {
			m.Column.Metric = true
			return m.Column
		}
	}
	for _, c := range curveColumns() {
		if c.Name == name {
			c.Metric = true
			return c
		}
	}
	for _, l := range looks() {
		if l.Name == name {
			return l.Column
		}
	}
	c := Column{Name: name, Header: strings.ReplaceAll(name, "_", " ")}
	switch name {
	case "lr":
		c.Header = "learning rate"
	case "effective_lr":
		c.Header = "effective learning rate of attention and MLP"
	case "update_proj_gap":
		c.Header = "updates between refreshes"
	case "steps":
		c.Header, c.Kind = "updates", Count
	case "kind":
		c.Header = "kind of method"
	case "after":
		c.Header = "updates since the refresh"
	case "dim":
		c.Header = "dimension of the space"
	}
	return c
}

// Title returns the header with its unit: "optimizer state (MiB)".
func (c Column) Title() string {
	if c.Unit == "" {
		return c.Header
	}
	return c.Header + " (" + c.Unit + ")"
}

// DefaultColumns are the columns of a table that names none.
func DefaultColumns() []string {
	return []string{"lr", "ppl", "bits_per_byte", "optimizer_state_bytes", "weights_bytes", "peak_bytes", "tokens_per_second"}
}

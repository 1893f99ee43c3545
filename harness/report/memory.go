package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"ranklab/harness/footprint"
	"ranklab/harness/view"
	"ranklab/internal/memory"
)

// A Memory is the memory of training by formula and prediction, for some
// models and all methods.
type Memory struct {
	Formulas *FormulaTable `json:"formulas,omitempty"`
	Tables   []MemoryTable `json:"presets"`
	Notes    []string      `json:"notes"`
}

// A MemoryTable is the memory of one model.
type MemoryTable struct {
	Preset     string      `json:"preset"`
	Parameters int64       `json:"parameters"` // of the dense model
	Rank       int         `json:"rank"`
	BatchSize  int         `json:"batch_size"` // of the actual column, in sequences
	MaxLength  int         `json:"max_length"` // tokens per sequence
	Rows       []MemoryRow `json:"rows"`
}

// A MemoryRow is the memory of one method, in three columns. Bytes, but for
// Printed.
type MemoryRow struct {
	Method    string                    `json:"method"`
	Printed   *float64                  `json:"printed_g,omitempty"` // 2403.03507, Table 2, in footprint.G
	Paper     *footprint.Rule           `json:"paper,omitempty"`     // the rule behind Printed
	Exact     footprint.Parts           `json:"exact_bf16"`          //
	Actual    map[memory.Category]int64 `json:"actual,omitempty"`    // as ranklab runs it; nil: it does not
	Deviation *float64                  `json:"deviation,omitempty"` // of Exact's weights and states from Printed, as a share
}

// A FormulaTable is the memory of one m × n weight, by method.
type FormulaTable struct {
	Out  int          `json:"out"` // shape of the example
	In   int          `json:"in"`
	Rank int          `json:"rank"`
	Of   string       `json:"of"` // what the example is
	Rows []FormulaRow `json:"rows"`
}

// A FormulaRow holds the formulas of a method, and the bytes of the example in
// the exact bf16 column.
type FormulaRow struct {
	footprint.Formula
	Example footprint.Parts `json:"exact_bf16"`
}

// WriteMemory writes the memory of training as Text, Markdown, CSV or JSON. CSV
// and JSON are in bytes.
func WriteMemory(w io.Writer, m Memory, format string) error {
	format, err := checkFormat(format, Text, Markdown, CSV, JSON)
	if err != nil {
		return err
	}
	switch format {
	case JSON:
		return writeJSON(w, m)
	case CSV:
		return m.writeCSV(w)
	}
	if m.Formulas != nil {
		if err := m.Formulas.write(w, format); err != nil {
			return err
		}
	}
	for _, t := range m.Tables {
		if err := t.write(w, format); err != nil {
			return err
		}
	}
	for i, note := range m.Notes {
		lead := ""
		if format == Markdown {
			lead = "- "
		} else if i > 0 {
			lead = "\n"
		}
		if _, err := fmt.Fprintln(w, lead+note); err != nil {
			return err
		}
	}
	return nil
}

// heading writes a title, or in Markdown a heading of the given depth.
func heading(w io.Writer, format, depth, title string) error {
	if format == Markdown {
		title = depth + " " + title
	}
	_, err := fmt.Fprintf(w, "%s\n\n", title)
	return err
}

func (t MemoryTable) write(w io.Writer, format string) error {
	title := fmt.Sprintf("%s: %s parameters, rank %d", t.Preset, thousands(float64(t.Parameters)), t.Rank)
	if err := heading(w, format, "##", title); err != nil {
		return err
	}
	if t.inPaper() {
		if err := heading(w, format, "###", "Weights and optimizer states, in G (1024·10⁶ bytes)"); err != nil {
			return err
		}
		if err := t.comparison().write(w, format); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if err := heading(w, format, "###", "Exact bf16, in MB (10⁶ bytes)"); err != nil {
		return err
	}
	if err := t.exact().write(w, format); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	title = fmt.Sprintf("Actual, in MB (10⁶ bytes), for a micro-batch of %d × %d tokens", t.BatchSize, t.MaxLength)
	if err := heading(w, format, "###", title); err != nil {
		return err
	}
	if err := t.actual().write(w, format); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

// inPaper reports whether the paper has a memory column for the model.
func (t MemoryTable) inPaper() bool {
	for _, r := range t.Rows {
		if r.Paper != nil {
			return true
		}
	}
	return false
}

// comparison puts the paper's numbers beside the exact ones.
func (t MemoryTable) comparison() sheet {
	s := sheet{text: 1, header: []string{
		"method", "printed in Table\u00a02", "paper: weights", "paper: states", "paper: sum",
		"exact bf16: weights", "exact bf16: states", "exact bf16: sum", "exact against printed",
	}}
	g := func(bytes int64) string { return strconv.FormatFloat(float64(bytes)/footprint.G, 'f', 3, 64) }
	for _, r := range t.Rows {
		row := []string{r.Method, nothing, nothing, nothing, nothing, g(r.Exact.AllWeights()), g(r.Exact.States()), g(r.Exact.AllWeights() + r.Exact.States()), nothing}
		if r.Printed != nil {
			row[1] = strconv.FormatFloat(*r.Printed, 'f', 2, 64)
		}
		if r.Paper != nil {
			row[2], row[3], row[4] = g(r.Paper.Weights), g(r.Paper.States), g(r.Paper.Total())
		}
		if r.Deviation != nil {
			row[8] = fmt.Sprintf("%+.1f\u00a0%%", 100**r.Deviation)
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// exact splits the exact memory.
func (t MemoryTable) exact() sheet {
	s := sheet{text: 1, header: []string{"method", "weights", "optimizer state", "projectors", "weights, states", "gradients", "sum"}}
	for _, r := range t.Rows {
		e := r.Exact
		s.rows = append(s.rows, append([]string{r.Method}, megabytes(
			e.AllWeights(), e.State, e.Projectors, e.AllWeights()+e.States(), e.Gradients, e.Total())...))
	}
	return s
}

// actual splits what ranklab registers. Methods that it does not run are left out.
func (t MemoryTable) actual() sheet {
	s := sheet{text: 1, header: []string{
		"method", "weights", "optimizer state", "projectors", "weights, states", "gradients", "activations", "scratch, data", "total registered",
	}}
	for _, r := range t.Rows {
		a := r.Actual
		if a == nil {
			continue
		}
		weights, state, projectors := a[memory.Weights]+a[memory.Adapters], a[memory.OptimizerState], a[memory.Projectors]
		s.rows = append(s.rows, append([]string{r.Method}, megabytes(
			weights, state, projectors, weights+state+projectors, a[memory.Gradients], a[memory.Activations], a[memory.Scratch]+a[memory.Data], r.registered())...))
	}
	return s
}

// registered returns the total of the actual column.
func (r MemoryRow) registered() int64 {
	var sum int64
	for _, c := range memory.Categories() {
		sum += r.Actual[c]
	}
	return sum
}

// megabytes writes bytes as MB with one decimal.
func megabytes(list ...int64) []string {
	var cells []string
	for _, bytes := range list {
		tenths := (bytes + 50_000) / 100_000
		text := thousands(float64(tenths/10)) + "." + strconv.FormatInt(tenths%10, 10)
		if bytes == 0 {
			text = nothing
		}
		cells = append(cells, text)
	}
	return cells
}

func (t FormulaTable) write(w io.Writer, format string) error {
	if err := heading(w, format, "##", fmt.Sprintf("One m × n weight, m ≤ n; in MB (10⁶ bytes) for %d × %d at rank %d, %s", t.Out, t.In, t.Rank, t.Of)); err != nil {
		return err
	}
	s := sheet{text: 5, header: []string{
		"method", "weights", "gradients", "optimizer state", "projectors", "exact bf16: weights", "gradients", "states", "sum",
	}}
	mb := func(bytes int64) string { return strconv.FormatFloat(float64(bytes)/1e6, 'f', 2, 64) }
	for _, r := range t.Rows {
		e := r.Example
		row := []string{r.Label, r.Weights, r.Gradients, r.State, r.Projectors, mb(e.AllWeights()), mb(e.Gradients), mb(e.States()), mb(e.Total())}
		if r.Projectors == "" {
			row[4] = nothing
		}
		if r.Method.Block > 0 {
			row[3] += " bytes"
		}
		s.rows = append(s.rows, row)
	}
	if err := s.write(w, format); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (m Memory) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	bytes := func(n int64) string { return strconv.FormatInt(n, 10) }
	if t := m.Formulas; t != nil {
		out.Write([]string{"method", "weights", "gradients", "optimizer_state", "projectors", "out", "in", "rank",
			"weights_bytes", "gradients_bytes", "optimizer_state_bytes", "projectors_bytes"})
		for _, r := range t.Rows {
			e := r.Example
			out.Write([]string{r.Label, r.Weights, r.Gradients, r.State, r.Projectors, strconv.Itoa(t.Out), strconv.Itoa(t.In), strconv.Itoa(t.Rank),
				bytes(e.AllWeights()), bytes(e.Gradients), bytes(e.State), bytes(e.Projectors)})
		}
		out.Flush()
		fmt.Fprintln(w)
	}
	header := []string{"preset", "parameters", "rank", "batch_size", "max_length", "method", "printed_g", "paper_weights", "paper_states",
		"exact_weights", "exact_adapters", "exact_gradients", "exact_optimizer_state", "exact_projectors", "deviation"}
	for _, c := range memory.Categories() {
		header = append(header, "actual_"+string(c))
	}
	out.Write(header)
	for _, t := range m.Tables {
		for _, r := range t.Rows {
			e := r.Exact
			line := []string{t.Preset, bytes(t.Parameters), strconv.Itoa(t.Rank), strconv.Itoa(t.BatchSize), strconv.Itoa(t.MaxLength), r.Method, "", "", "",
				bytes(e.Weights), bytes(e.Adapters), bytes(e.Gradients), bytes(e.State), bytes(e.Projectors), ""}
			if r.Printed != nil {
				line[6] = view.Number(*r.Printed)
			}
			if r.Paper != nil {
				line[7], line[8] = bytes(r.Paper.Weights), bytes(r.Paper.States)
			}
			if r.Deviation != nil {
				line[14] = view.Number(*r.Deviation)
			}
			for _, c := range memory.Categories() {
				if r.Actual == nil {
					line = append(line, "")
				} else {
					line = append(line, bytes(r.Actual[c]))
				}
			}
			out.Write(line)
		}
	}
	out.Flush()
	return out.Error()
}

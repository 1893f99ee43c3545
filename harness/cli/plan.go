package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/internal/memory"
)

type planCmd struct {
	experimentArg `embed:""`
	executionArg  `embed:""`
	NoData        bool `help:"Do not open or build the corpus: runs then have no identity, and finished ones are not found."`
	JSON          bool `name:"json" help:"Print JSON for a program to read."`
}

func (c planCmd) Run(v *env) error {
	e, err := c.load()
	if err != nil {
		return err
	}
	jobs, threads := c.resolve(e)
	p, err := v.plan(e, threads, !c.NoData, c.executionArg)
	if err != nil {
		return err
	}
	defer p.Close()
	if c.JSON {
		return writePlanJSON(v.stdout, p, jobs, threads)
	}
	return writePlan(v.stdout, p, jobs, threads)
}

// newTable returns a table for a terminal: header, rows of text, numbers to
// the right from column text on.
func newTable(w io.Writer, text int, header []string) *tablewriter.Table {
	align := make(tw.Alignment, len(header))
	for i := range align {
		align[i] = tw.AlignRight
		if i < text {
			align[i] = tw.AlignLeft
		}
	}
	t := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off}, Lines: tw.Lines{ShowHeaderLine: tw.On}},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	)
	t.Header(header)
	return t
}

// writePlan prints a plan for people.
func writePlan(w io.Writer, p *plan.Plan, jobs, threads int) error {
	fmt.Fprintf(w, "%s: %s\n\n", p.Experiment.Name, p.Experiment.Title)
	t := newTable(w, 3, []string{"run", "id", "action", "parameters", "trainable", "optimizer state", "memory", "arithmetic", "epochs", "time"})
	for _, it := range p.Items {
		id := record.ShortID(it.ID)
		if id == "" {
			id = "–"
		}
		action := it.Action
		if it.Action == plan.Resume {
			action = fmt.Sprintf("resume@%d", it.Step)
		}
		err := t.Append([]string{
			p.Experiment.NameOf(it.Instance), id, action, count(it.Parameters), count(it.Trainable),
			size(it.Memory[memory.OptimizerState] + it.Memory[memory.Projectors]), size(it.Bytes),
			flops(it.FLOPs), epochs(it.Epochs), duration(it.Seconds),
		})
		if err != nil {
			return err
		}
	}
	if err := t.Render(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d runs, %d at a time with %d threads each: about %s (rough: %.0f GFLOP/s in matrix products now)\n",
		len(p.Items), jobs, threads, duration(p.Seconds(jobs)), p.Rate.Gemm/1e9)
	var disk int64
	for _, it := range p.Items {
		if it.Action != plan.Reuse {
			disk += it.Disk
		}
		if it.Action == plan.Refused {
			fmt.Fprintf(w, "refused: %s %s\n", p.Experiment.NameOf(it.Instance), it.Reason)
		}
	}
	fmt.Fprintf(w, "the last checkpoint of each new run stays on disk: %s in all\n", size(disk))
	for _, note := range p.Notes {
		fmt.Fprintln(w, "note: "+note)
	}
	return nil
}

// flops prints a number of operations for people.
func flops(n float64) string {
	for _, unit := range []string{"", "k", "M", "G", "T", "P"} {
		if n < 999.5 {
			return fmt.Sprintf("%.3g %sFLOP", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g EFLOP", n)
}

// epochs prints passes over the training split; 0 is unknown.
func epochs(n float64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", n)
}

// count prints a number of parameters for people.
func count(n int64) string {
	switch {
	case n < 1e6:
		return fmt.Sprintf("%.0fk", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.2fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2fB", float64(n)/1e9)
}

// planJSON is the plan as a program reads it.
type planJSON struct {
	Experiment string        `json:"experiment"`
	Jobs       int           `json:"jobs"`
	Threads    int           `json:"threads"`
	Seconds    float64       `json:"seconds"`
	Runs       []planRunJSON `json:"runs"`
	Notes      []string      `json:"notes"`
}

type planRunJSON struct {
	Label      string                    `json:"label"`
	RunID      string                    `json:"run_id,omitempty"`
	NumbersID  string                    `json:"numbers_id,omitempty"`
	Action     string                    `json:"action"`
	Reason     string                    `json:"reason"`
	Step       int                       `json:"step"`
	Parameters int64                     `json:"parameters"`
	Trainable  int64                     `json:"trainable"`
	Memory     map[memory.Category]int64 `json:"memory"`
	FLOPs      float64                   `json:"flops"`
	Seconds    float64                   `json:"seconds"`
	Disk       int64                     `json:"disk"`
	Epochs     float64                   `json:"epochs"`
}

func writePlanJSON(w io.Writer, p *plan.Plan, jobs, threads int) error {
	out := planJSON{Experiment: p.Experiment.Name, Jobs: jobs, Threads: threads, Seconds: p.Seconds(jobs), Runs: []planRunJSON{}, Notes: append([]string{}, p.Notes...)}
	for _, it := range p.Items {
		out.Runs = append(out.Runs, planRunJSON{
			it.Instance.Label, it.ID, it.NumbersID, it.Action, it.Reason, it.Step, it.Parameters, it.Trainable,
			it.Memory, it.FLOPs, it.Seconds, it.Disk, it.Epochs,
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

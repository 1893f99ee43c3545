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
	calibrateArg  `embed:""`
	NoData        bool `help:"Do not open or build the corpus: runs then have no identity, and finished ones are not found."`
	Buffers       bool `help:"Also list every buffer of the runs by name."`
	JSON          bool `name:"json" help:"Print JSON for a program to read."`
}

func (c planCmd) Run(v *env) error {
	e, err := c.load()
	if err != nil {
		return err
	}
	trials, trialJobs, err := c.planTune(v, e)
	if err != nil {
		return err
	}
	if trials != nil {
		defer trials.Close()
	}
	jobs, threads := c.resolve(e)
	p, err := v.plan(e, threads, !c.NoData, c.executionArg, c.calibrateArg)
	if err != nil {
		return err
	}
	defer p.Close()
	found, err := v.detectable(p)
	if err != nil {
		return err
	}
	if c.JSON {
		out := newPlanJSON(p, jobs, c.Buffers)
		out.Detectable = found
		if trials != nil {
			out.Tune = newPlanJSON(trials, trialJobs, false)
		}
		enc := json.NewEncoder(v.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	if err := writeTunePlan(v.stdout, e, trials, trialJobs); err != nil {
		return err
	}
	if err := writePlan(v.stdout, p, jobs); err != nil {
		return err
	}
	writeDetectable(v.stdout, found)
	return writeLedgers(v.stdout, p, c.Buffers)
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
func writePlan(w io.Writer, p *plan.Plan, jobs int) error {
	fmt.Fprintf(w, "%s: %s\n\n", p.Experiment.Name, p.Experiment.Title)
	t := newTable(w, 3, []string{"run", "id", "action", "parameters", "trainable", "optimizer state", "memory", "disk", "arithmetic", "epochs", "time", ""})
	for _, it := range p.Items {
		id := record.ShortID(it.ID)
		if id == "" {
			id = "–"
		}
		action := it.Action
		if it.Action == plan.Resume {
			action = fmt.Sprintf("resume@%d", it.Step)
		}
		_, stays := it.Checkpoints()
		err := t.Append([]string{
			p.Experiment.NameOf(it.Instance), id, action, count(it.Parameters), count(it.Trainable),
			size(it.Memory[memory.OptimizerState] + it.Memory[memory.Projectors]), size(it.Bytes), size(stays),
			flops(it.Left.FLOPs), epochs(it.Epochs), duration(it.Left.Seconds()), it.Left.How,
		})
		if err != nil {
			return err
		}
	}
	if err := t.Render(); err != nil {
		return err
	}
	total := p.Total(jobs)
	if total.Runs > 0 {
		writeTotal(w, p, total, jobs)
	} else {
		fmt.Fprintf(w, "\n%d runs, none to train\n", len(p.Items))
	}
	for _, it := range p.Items {
		if it.Action == plan.Refused {
			fmt.Fprintf(w, "refused: %s %s\n", p.Experiment.NameOf(it.Instance), it.Reason)
		}
	}
	for _, note := range p.Notes {
		fmt.Fprintln(w, "note: "+note)
	}
	return nil
}

// writeTotal prints what the runs take together.
func writeTotal(w io.Writer, p *plan.Plan, total plan.Total, jobs int) {
	fmt.Fprintf(w, "\n%d runs, %d to train, %d at a time with %d threads each: about %s (%s), %s\n",
		len(p.Items), total.Runs, total.Jobs, p.Threads, duration(total.Seconds), total.How, flops(total.FLOPs))
	if total.Jobs < min(jobs, total.Runs) {
		fmt.Fprintf(w, "%d at a time were asked for; the memory has room for %d\n", jobs, total.Jobs)
	}
	fmt.Fprintf(w, "memory of the processes: up to %s each, %s together", size(total.LargestNeed), size(total.Need))
	if p.Memory > 0 {
		fmt.Fprintf(w, ", of %s", size(p.Memory))
	}
	fmt.Fprintf(w, "\ndisk: %s for the checkpoints that stay, up to %s while training", size(total.Disk), size(total.DiskMost))
	if p.Room.Total > 0 {
		fmt.Fprintf(w, ", of %s free", size(p.Room.Free))
	}
	fmt.Fprintln(w)
	if p.Room.Total > 0 && p.Room.Free+total.DiskStored < total.DiskMost {
		fmt.Fprintln(w, "that is more than there is: runs would fail when the disk is full, and carry on once there is room; `ranklab gc` frees what is safe to remove")
	}
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
	Jobs       int           `json:"jobs"` // at a time, as far as the memory has room
	Threads    int           `json:"threads"`
	Seconds    float64       `json:"seconds"`
	How        string        `json:"how"` // "calibrated" | "rough"
	FLOPs      float64       `json:"flops"`
	Need       int64         `json:"need_bytes"`          // of the processes together
	Memory     int64         `json:"memory_bytes"`        // what they may use; 0 = unknown
	Disk       int64         `json:"disk"`                // bytes of the checkpoints that stay
	DiskMost   int64         `json:"disk_training"`       // bytes of the checkpoints while the runs are trained
	DiskFree   int64         `json:"disk_free,omitempty"` // bytes; 0 = unknown
	Runs       []planRunJSON `json:"runs"`
	Notes      []string      `json:"notes"`
	Detectable []detectable  `json:"detectable,omitempty"`
	Tune       *planJSON     `json:"tune,omitempty"` // the search for learning rates that is due first
}

type planRunJSON struct {
	Label      string                    `json:"label"`
	RunID      string                    `json:"run_id,omitempty"`
	NumbersID  string                    `json:"numbers_id,omitempty"`
	InitDigest string                    `json:"init_digest,omitempty"`
	Action     string                    `json:"action"`
	Reason     string                    `json:"reason"`
	Step       int                       `json:"step"`
	Parameters int64                     `json:"parameters"`
	Trainable  int64                     `json:"trainable"`
	Memory     map[memory.Category]int64 `json:"memory"`
	Bytes      int64                     `json:"memory_bytes"` // their sum
	Need       int64                     `json:"need_bytes"`   // of the process
	FLOPs      float64                   `json:"flops"`        // of what is left to do, like seconds
	Seconds    float64                   `json:"seconds"`
	How        string                    `json:"how,omitempty"`
	Time       record.Durations          `json:"time"`
	Disk       int64                     `json:"disk"` // bytes of one checkpoint
	Epochs     float64                   `json:"epochs"`

	Steady     int64          `json:"steady_bytes"` // in use in every update
	Refresh    int64          `json:"refresh_bytes"`
	Checkpoint int64          `json:"checkpoint_bytes"`
	Buffers    []memory.Entry `json:"buffers,omitempty"`

	Alternatives []plan.Alternative `json:"alternatives,omitempty"` // of a refused run
}

func newPlanJSON(p *plan.Plan, jobs int, buffers bool) *planJSON {
	total := p.Total(jobs)
	out := &planJSON{
		Experiment: p.Experiment.Name, Jobs: total.Jobs, Threads: p.Threads, Seconds: total.Seconds, How: total.How, FLOPs: total.FLOPs,
		Need: total.Need, Memory: p.Memory, Disk: total.Disk, DiskMost: total.DiskMost, DiskFree: p.Room.Free, Runs: []planRunJSON{}, Notes: append([]string{}, p.Notes...),
	}
	for _, it := range p.Items {
		var entries []memory.Entry
		if buffers {
			entries = it.Ledger.Entries()
		}
		out.Runs = append(out.Runs, planRunJSON{
			Label: it.Instance.Label, RunID: it.ID, NumbersID: it.NumbersID, InitDigest: it.Init, Action: it.Action, Reason: it.Reason, Step: it.Step,
			Parameters: it.Parameters, Trainable: it.Trainable, Memory: it.Memory, Bytes: it.Bytes, Need: it.Need,
			FLOPs: it.Left.FLOPs, Seconds: it.Left.Seconds(), How: it.Left.How, Time: it.Left.Time, Disk: it.Disk, Epochs: it.Epochs,
			Steady: it.Ledger.During(memory.Always), Refresh: it.Ledger.During(memory.Refresh), Checkpoint: it.Ledger.During(memory.Checkpoint),
			Buffers: entries, Alternatives: it.Alternatives,
		})
	}
	return out
}

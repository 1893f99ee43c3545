package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// An Occupancy is the memory of one run, predicted and measured.
type Occupancy struct {
	Preset    string `json:"preset"`
	Method    string `json:"method"`
	Execution string `json:"execution"` // "all gradients", "two micro-batches", "layer-wise", …
	train.Residence
}

// Ratio is the measured peak in terms of the ledger; 0 where none was measured.
func (o Occupancy) Ratio() float64 { return float64(o.Peak) / float64(o.Ledger) }

// memory measures the largest resident size of a process per method and way to
// execute it.
func (s *session) memory(ctx context.Context) error {
	for _, b := range s.bodies {
		for _, run := range b.runs {
			for _, execution := range []struct {
				name                     string
				micros                   int
				layerwise, checkpointing bool
			}{
				{"all gradients", 1, false, false}, {"two micro-batches", 2, false, false}, {"checkpointing", 1, false, true},
				{"layer-wise", 1, true, false}, {"layer-wise, checkpointing", 1, true, true},
			} {
				if err := ctx.Err(); err != nil {
					return err
				}
				if run.Train.TotalBatchSize%execution.micros != 0 {
					continue
				}
				s.say("%s %s, %s", b.name, run.Method.Name, execution.name)
				run.Train.BatchSize = run.Train.TotalBatchSize / execution.micros
				run.Train.Layerwise, run.Train.ActivationCheckpointing = execution.layerwise, execution.checkpointing
				r, err := s.reside(ctx, run)
				if err != nil {
					return fmt.Errorf("%s %s, %s: %w", b.name, run.Method.Name, execution.name, err)
				}
				s.report.Occupancies = append(s.report.Occupancies, Occupancy{b.name, run.Method.Name, execution.name, r})
			}
		}
	}
	return nil
}

// ResidentCommand is the hidden command that calls [Resident].
const ResidentCommand = "bench-resident"

// lodger is what a process is asked to hold in memory.
type lodger struct {
	Run     spec.Run `json:"run"`
	ISA     string   `json:"isa"`
	Threads int      `json:"threads"`
}

// reside lets a process of its own hold a run.
func (s *session) reside(ctx context.Context, run spec.Run) (r train.Residence, err error) {
	text, err := json.Marshal(lodger{run, s.device.ISA().String(), s.Threads})
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, s.Binary, ResidentCommand)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}

// Resident reads a run, holds it in the memory of this process, and answers with
// what that took.
func Resident(in io.Reader, out io.Writer) error {
	var l lodger
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return fmt.Errorf("no run: %w", err)
	}
	isa, err := tensor.ParseISA(l.ISA)
	if err != nil {
		return err
	}
	device := tensor.NewDevice(tensor.Options{Threads: l.Threads, ISA: isa})
	defer device.Close()
	r, err := train.Reside(l.Run, device)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// smallModel is the number of hidden units up to which a sweep trains runs side
// by side by default.
const smallModel = 256

// parallel measures how much faster several runs of one thread are together
// than one alone. Like the runs of a sweep, each is a process of its own; those
// that rest wait for a word.
func (s *session) parallel(ctx context.Context) error {
	for _, b := range s.bodies {
		if h := b.config().HiddenSize; h > smallModel {
			s.note("parallel: sweeps train runs of %s one at a time (hidden_size %d is above %d)", b.name, h, smallModel)
			continue
		}
		if s.Threads < 2 {
			s.note("parallel: one thread leaves nothing to compare")
			continue
		}
		if err := s.together(ctx, b, b.runs[0]); err != nil {
			return err
		}
	}
	return nil
}

// together lets one process and all of them work in turns.
func (s *session) together(ctx context.Context, b *body, run spec.Run) error {
	s.say("%s %s, %d processes", b.name, run.Method.Name, s.Threads)
	var children []*child
	defer func() {
		for _, c := range children {
			c.stop()
		}
	}()
	for range s.Threads {
		c, err := startChild(ctx, s.Binary, Errand{run, s.device.ISA().String(), 4 * s.PerFigure.Seconds()})
		if err != nil {
			return fmt.Errorf("a process to measure side by side: %w", err)
		}
		children = append(children, c)
	}
	if _, err := work(children); err != nil { // warm up
		return err
	}
	var alone, all []float64
	for range min(s.Runs, 3) {
		if err := ctx.Err(); err != nil {
			return err
		}
		one, err := work(children[:1])
		if err != nil {
			return err
		}
		many, err := work(children)
		if err != nil {
			return err
		}
		alone, all = append(alone, one), append(all, many)
	}
	tokens := float64(run.Train.TotalBatchSize * run.Train.MaxLength)
	f := Figure{
		Section: s.section, Preset: b.name, Name: run.Method.Name, By: ours,
		Work: tokens, Unit: tokensPerSecond, Processes: s.Threads,
	}
	var samples []sample
	for _, rate := range all {
		samples = append(samples, sample{seconds: 1 / rate}) // per update of any process
	}
	f = f.of(samples)
	var tokensAlone []float64
	for _, rate := range alone {
		tokensAlone = append(tokensAlone, tokens*rate)
	}
	one := spread(tokensAlone)
	speedup := spread(ratios(all, alone))
	f.Alone, f.Speedup = &one, &speedup
	s.add(f)
	return nil
}

// An Errand is what a process that is measured beside others is asked to do.
type Errand struct {
	Run     spec.Run `json:"run"`
	ISA     string   `json:"isa"`
	Seconds float64  `json:"seconds"` // of each spell of work
}

// A spell is what a process has done in one go.
type spell struct {
	Updates int     `json:"updates"`
	Seconds float64 `json:"seconds"`
}

// ChildCommand is the hidden command that calls [Child].
const ChildCommand = "bench-child"

// Child runs an errand on one thread: it reads the errand, says that it is
// ready, and then works for a spell whenever a line comes in, until the input
// ends.
func Child(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	text, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("no errand: %w", err)
	}
	var e Errand
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	isa, err := tensor.ParseISA(e.ISA)
	if err != nil {
		return err
	}
	device := tensor.NewDevice(tensor.Options{Threads: 1, ISA: isa})
	defer device.Close()
	stepper, err := train.NewStepper(e.Run, device)
	if err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	for first := (spell{}); ; {
		if err := answers.Encode(first); err != nil {
			return err
		}
		if _, err := lines.ReadBytes('\n'); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		first = spell{}
		for start := time.Now(); first.Seconds < e.Seconds; first.Seconds = time.Since(start).Seconds() {
			if _, err := stepper.Update(); err != nil {
				return err
			}
			first.Updates++
		}
	}
}

// A child is a process that runs [Child].
type child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
}

func startChild(ctx context.Context, binary string, e Errand) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, binary, ChildCommand)}
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.in, c.answers = in, json.NewDecoder(out)
	var ready spell
	if err := errors.Join(json.NewEncoder(in).Encode(e), c.answers.Decode(&ready)); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *child) stop() {
	c.in.Close()
	c.cmd.Wait() // how it ends does not matter any more
}

// work lets processes work for a spell at the same time and returns their
// updates per second together.
func work(children []*child) (rate float64, err error) {
	rates, errs := make([]float64, len(children)), make([]error, len(children))
	var wg sync.WaitGroup
	for i, c := range children {
		wg.Go(func() {
			var done spell
			_, sent := io.WriteString(c.in, "\n")
			errs[i] = errors.Join(sent, c.answers.Decode(&done))
			rates[i] = float64(done.Updates) / done.Seconds
		})
	}
	wg.Wait()
	for _, r := range rates {
		rate += r
	}
	return rate, errors.Join(errs...)
}

// Package fleet executes many runs: each in a child process of its own, so
// that peak memory, threads and crashes belong to one run, under a budget of
// processors and memory.
package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/train"
	"ranklab/internal/atomicfile"
)

// A Job is one run to execute.
type Job struct {
	ID     string
	Label  string
	Spec   []byte // the resolved run, TOML
	Steps  int
	Memory int64 // bytes that the process is taken to need
}

// Options say where and how jobs are executed.
type Options struct {
	Binary  string // the ranklab executable
	Results string // results folder
	Cache   string // corpus cache
	Folder  string // <results>/sweeps/<experiment>: resolved specs and logs

	Identify bool // let the runs record the host's name and their command line

	Jobs     int   // runs at the same time
	Threads  int   // threads per run
	Memory   int64 // bytes that the running jobs may need together; 0 = no limit
	FailFast bool  // stop the sweep at the first failure

	Progress Progress
}

// An Outcome is how one job ended.
type Outcome struct {
	Job     Job
	State   string // "done" | "diverged" | "stopped" | "failed" | "skipped" | "busy"
	Err     error  // why it failed
	Log     string // path of the run's log
	Seconds float64
}

// patience is the time between two looks at runs that another process trains.
const patience = 2 * time.Second

// Run executes the jobs in order, as many at a time as the budget allows, and
// returns one outcome per job. A job that another process is training waits
// behind the others until that process lets go of it. When ctx ends, running jobs are
// asked to stop with a checkpoint and the others are skipped; when kill ends
// too, running jobs are killed (their last checkpoint stands).
func Run(ctx, kill context.Context, jobs []Job, o Options) []Outcome {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make([]Outcome, len(jobs))
	pending := make([]int, len(jobs))
	for i, job := range jobs {
		pending[i], outcomes[i] = i, Outcome{Job: job, State: "skipped"}
	}
	budget := newBudget(max(o.Jobs, 1), o.Memory)
	var ended atomic.Int32
	var waiting []int // for another process
	for {
		var wg sync.WaitGroup
		for _, i := range pending {
			job := jobs[i]
			if !budget.take(ctx, job.Memory) {
				continue
			}
			wg.Go(func() {
				defer budget.give(job.Memory)
				out := execute(ctx, kill, job, o)
				outcomes[i] = out
				line := out.line()
				if out.State != "busy" {
					line += fmt.Sprintf(" finished=%d/%d", ended.Add(1), len(jobs))
				}
				o.Progress.Finish(job.Label, line)
				if outcomes[i].State == "failed" && o.FailFast {
					cancel()
				}
			})
		}
		wg.Wait()
		waiting = slices.DeleteFunc(append(waiting, pending...), func(i int) bool { return outcomes[i].State != "busy" })
		pending = nil
		for len(pending) == 0 {
			if len(waiting) == 0 {
				return outcomes
			}
			select {
			case <-time.After(patience):
			case <-ctx.Done():
				return outcomes
			}
			waiting = slices.DeleteFunc(waiting, func(i int) bool {
				free := record.Held(record.Dir(o.Results, jobs[i].ID)) == nil
				if free {
					pending = append(pending, i)
				}
				return free
			})
		}
	}
}

// execute runs one job in a child process and follows its messages.
func execute(ctx, kill context.Context, job Job, o Options) (out Outcome) {
	started := time.Now()
	out = Outcome{Job: job, State: "failed", Log: filepath.Join(o.Folder, "logs", job.ID+".log")}
	defer func() { out.Seconds = time.Since(started).Seconds() }()
	o.Progress.Start(job.Label, job.Steps)

	specPath := filepath.Join(o.Folder, "specs", job.ID+".toml")
	for _, p := range []string{specPath, out.Log} {
		if out.Err = os.MkdirAll(filepath.Dir(p), 0o777); out.Err != nil {
			return out
		}
	}
	if out.Err = atomicfile.Write(specPath, job.Spec); out.Err != nil {
		return out
	}
	log, err := os.OpenFile(out.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		out.Err = err
		return out
	}
	defer log.Close()
	begun, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		out.Err = err
		return out
	}

	args := []string{"train", specPath, "--results", o.Results, "--cache", o.Cache, "--threads", strconv.Itoa(o.Threads), "--messages"}
	if o.Identify {
		args = append(args, "--identify")
	}
	cmd := exec.Command(o.Binary, args...)
	cmd.Stderr = log
	detach(cmd)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		out.Err = err
		return out
	}
	ended := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			_ = interrupt(cmd.Process) // an error means that it has just ended
		case <-ended:
			return
		}
		select {
		case <-kill.Done():
			_ = cmd.Process.Kill()
		case <-ended:
		}
	}()

	var last train.Message
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var m train.Message
		if json.Unmarshal(lines.Bytes(), &m) == nil {
			last = m
			o.Progress.Update(job.Label, m)
		}
	}
	// A line that is too long ends the scan; the process must not wait for a reader.
	_, _ = io.Copy(io.Discard, stdout)
	err = cmd.Wait()
	close(ended)

	var exit *exec.ExitError
	switch {
	case err == nil && last.Phase == "diverged":
		out.State, out.Err = "diverged", errors.New(last.Detail)
	case err == nil:
		out.State = "done"
	case errors.As(err, &exit) && (exit.ExitCode() == train.ExitInterrupted || exit.ExitCode() == train.ExitRequeue), kill.Err() != nil:
		out.State = "stopped"
	case errors.As(err, &exit) && exit.ExitCode() == train.ExitBusy:
		out.State, out.Err = "busy", errors.New("another process is training it")
	default:
		hint := ""
		if exit != nil && killed(exit) {
			hint = "; the system kills a process when memory runs out: fewer runs at a time (-j) or a lower --memory leave more for each"
		}
		out.Err = fmt.Errorf("%w%s%s; log: %s", err, complaint(out.Log, begun), hint, out.Log)
	}
	return out
}

// line says in one line how a job ended.
func (o Outcome) line() string {
	s := fmt.Sprintf("result=%s seconds=%.0f", o.State, o.Seconds)
	if o.Err != nil {
		s += fmt.Sprintf(" reason=%q", o.Err)
	}
	return s
}

// complaint returns ": " and the line with which a failed process explained
// itself in its log from an offset on: that of a crash, or else the last one.
func complaint(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return ""
	}
	var last string
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return ": " + line
		}
		if line != "" {
			last = ": " + line
		}
	}
	return last
}

// A budget admits jobs while fewer than slots run and their memory fits. A job
// that is larger than the whole memory budget runs alone.
type budget struct {
	mu     sync.Mutex
	cond   *sync.Cond
	slots  int
	memory int64 // 0 = no limit
	used   int64
	busy   int
}

func newBudget(slots int, memory int64) *budget {
	b := &budget{slots: slots, memory: memory}
	b.cond = sync.NewCond(&b.mu)
	return b
}

// take waits for a place and reports false when ctx ended first.
func (b *budget) take(ctx context.Context, memory int64) bool {
	stop := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.cond.Broadcast()
	})
	defer stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for ctx.Err() == nil {
		fits := b.memory == 0 || b.used+memory <= b.memory || b.busy == 0
		if b.busy < b.slots && fits {
			b.busy++
			b.used += memory
			return true
		}
		b.cond.Wait()
	}
	return false
}

func (b *budget) give(memory int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy--
	b.used -= memory
	b.cond.Broadcast()
}

package fleet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/train"
)

// The test binary plays the training process when this variable is set: what
// it does is the content of the spec it is given.
const actor = "RANKLAB_FLEET_ACTOR"

func TestMain(m *testing.M) {
	if os.Getenv(actor) == "" {
		os.Exit(m.Run())
	}
	spec, err := os.ReadFile(os.Args[2]) // train SPEC …
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	say := func(s string) { fmt.Println(s) }
	say(`{"phase":"start","step":0,"steps":4}`)
	switch string(spec) {
	case "done":
		say(`{"phase":"done","step":4,"steps":4,"loss":1.5}`)
	case "diverged":
		say(`{"phase":"diverged","step":2,"steps":4,"detail":"loss is NaN at step 2"}`)
	case "failed":
		fmt.Fprintln(os.Stderr, "first line")
		fmt.Fprintln(os.Stderr, "disk full")
		os.Exit(1)
	case "busy": // until somebody removes the file beside the spec
		if _, err := os.Stat(filepath.Join(filepath.Dir(os.Args[2]), "held")); err == nil {
			os.Exit(train.ExitBusy)
		}
	case "crashed":
		fmt.Fprintln(os.Stderr, "panic: index out of range")
		fmt.Fprintln(os.Stderr, "goroutine 1 [running]:")
		os.Exit(2)
	case "killed": // as by a system that has run out of memory
		fmt.Fprintln(os.Stderr, "update 3")
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		time.Sleep(time.Hour)
	case "patient": // stops when it is asked to
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		say(`{"phase":"train","step":1,"steps":4,"loss":2}`)
		<-c
		say(`{"phase":"stopped","step":1,"steps":4}`)
		os.Exit(train.ExitRequeue)
	case "stubborn": // ignores the first request
		signal.Ignore(syscall.SIGTERM)
		say(`{"phase":"train","step":1,"steps":4,"loss":2}`)
		time.Sleep(time.Hour)
	}
	os.Exit(0)
}

// recorder is a Progress that remembers.
type recorder struct {
	mu       sync.Mutex
	started  []string
	updates  chan train.Message
	finished chan string
}

func (r *recorder) Start(label string, _ int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = append(r.started, label)
}

func (r *recorder) Update(_ string, m train.Message) {
	select {
	case r.updates <- m:
	default:
	}
}

func (r *recorder) Finish(label, _ string) { r.finished <- label }

func (*recorder) Note(string) {}
func (*recorder) Wait()       {}

func options(t *testing.T, jobs int) (Options, *recorder) {
	t.Helper()
	t.Setenv(actor, "1")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{updates: make(chan train.Message, 64), finished: make(chan string, 64)}
	return Options{Binary: exe, Folder: t.TempDir(), Jobs: jobs, Threads: 1, Progress: r}, r
}

func jobsOf(kinds ...string) (jobs []Job) {
	for i, k := range kinds {
		jobs = append(jobs, Job{ID: fmt.Sprintf("%012d", i), Label: fmt.Sprint(k, i), Spec: []byte(k), Steps: 4, Memory: 10})
	}
	return jobs
}

func TestOutcomes(t *testing.T) {
	o, _ := options(t, 2)
	got := Run(context.Background(), context.Background(), jobsOf("done", "failed", "diverged"), o)
	for i, want := range []string{"done", "failed", "diverged"} {
		if got[i].State != want {
			t.Errorf("job %d: state %q, want %q (%v)", i, got[i].State, want, got[i].Err)
		}
	}
	if msg := got[1].Err.Error(); !strings.Contains(msg, "disk full") || !strings.Contains(msg, got[1].Log) {
		t.Errorf("a failure should quote the last line of its log and name it: %s", msg)
	}
	if got[2].Err == nil || !strings.Contains(got[2].Err.Error(), "NaN") {
		t.Errorf("divergence without its reason: %v", got[2].Err)
	}
	if spec, err := os.ReadFile(filepath.Join(o.Folder, "specs", "000000000000.toml")); err != nil || string(spec) != "done" {
		t.Errorf("spec on disk: %q, %v", spec, err)
	}
}

// TestBusy: a run that another process trains waits behind the others, and is not
// tried again before that process lets go of it.
func TestBusy(t *testing.T) {
	o, r := options(t, 1)
	o.Results = t.TempDir()
	run := record.Dir(o.Results, "000000000000")
	if err := os.MkdirAll(run, 0o777); err != nil {
		t.Fatal(err)
	}
	release, err := record.Hold(run)
	if err != nil {
		t.Fatal(err)
	}
	held := filepath.Join(o.Folder, "specs", "held")
	if err := os.MkdirAll(filepath.Dir(held), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(held, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	go func() {
		<-r.finished // the busy one
		<-r.finished // the other
		time.Sleep(patience + patience/2)
		os.Remove(held)
		_ = release()
	}()
	got := Run(context.Background(), context.Background(), jobsOf("busy", "done"), o)
	if got[0].State != "done" || got[1].State != "done" || !slices.Equal(r.started, []string{"busy0", "done1", "busy0"}) {
		t.Errorf("states %q, %q; started %v", got[0].State, got[1].State, r.started)
	}
}

// TestKilled: what looks like a lack of memory says what to do about it.
func TestKilled(t *testing.T) {
	o, _ := options(t, 1)
	out := Run(context.Background(), context.Background(), jobsOf("killed"), o)[0]
	if out.State != "failed" || !strings.Contains(out.Err.Error(), "memory runs out") && runtime.GOOS != "windows" {
		t.Errorf("%s: %v", out.State, out.Err)
	}
}

// TestComplaint: a failure quotes this attempt, and a crash its first line.
func TestComplaint(t *testing.T) {
	o, _ := options(t, 1)
	jobs := jobsOf("failed", "crashed")
	Run(context.Background(), context.Background(), jobs[:1], o)
	jobs[0].Spec = []byte("crashed")
	for _, out := range Run(context.Background(), context.Background(), jobs, o) {
		if msg := out.Err.Error(); !strings.Contains(msg, "panic: index out of range") || strings.Contains(msg, "disk full") {
			t.Errorf("reason %q", msg)
		}
	}
}

func TestFailFast(t *testing.T) {
	o, r := options(t, 1)
	o.FailFast = true
	got := Run(context.Background(), context.Background(), jobsOf("failed", "done", "done"), o)
	if got[1].State != "skipped" || got[2].State != "skipped" || len(r.started) != 1 {
		t.Errorf("after a failure: %q, %q; started %v", got[1].State, got[2].State, r.started)
	}
}

func TestStopAndKill(t *testing.T) {
	o, r := options(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	kill, cancelKill := context.WithCancel(context.Background())
	go func() {
		for training := 0; training < 2; { // both children are up
			if m := <-r.updates; m.Phase == "train" {
				training++
			}
		}
		cancel()
		<-r.finished // the patient one has stopped
		cancelKill()
	}()
	got := Run(ctx, kill, jobsOf("patient", "stubborn", "done"), o)
	if got[0].State != "stopped" || got[1].State != "stopped" || got[2].State != "skipped" {
		t.Errorf("states %q, %q, %q", got[0].State, got[1].State, got[2].State)
	}
}

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		jobs   int
		memory int64
		most   int
	}{{1, 0, 1}, {3, 0, 3}, {3, 20, 2}, {3, 5, 1}} {
		b := newBudget(c.jobs, c.memory)
		running, most := 0, 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 6 {
			if !b.take(context.Background(), 10) {
				t.Fatal("take refused")
			}
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			wg.Go(func() {
				time.Sleep(2 * time.Millisecond)
				mu.Lock()
				running--
				mu.Unlock()
				b.give(10)
			})
		}
		wg.Wait()
		if most > c.most {
			t.Errorf("jobs %d, memory %d: %d at a time, want at most %d", c.jobs, c.memory, most, c.most)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := newBudget(1, 0)
	b.take(ctx, 1)
	cancel()
	if b.take(ctx, 1) {
		t.Error("take succeeded after the end of its context")
	}
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, false, time.Hour)
	p.Start("galore rank=32", 10)
	p.Update("galore rank=32", train.Message{Phase: "train", Step: 1, Steps: 10, Loss: 2}) // too soon after the start
	p.Finish("galore rank=32", "result=done")
	want := "state=started run=\"galore rank=32\" steps=10\nstate=ended run=\"galore rank=32\" result=done\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

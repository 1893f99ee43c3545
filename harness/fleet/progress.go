package fleet

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"ranklab/harness/train"
)

// A Progress shows what the runs of a sweep are doing. Its methods may be
// called from several goroutines.
type Progress interface {
	Start(label string, steps int) // a run starts or resumes
	Update(label string, m train.Message)
	Finish(label string, line string) // a run ended; line says how
	Note(line string)                 // something to print once, above the bars
	Wait()                            // all output is written
}

// NewProgress returns bars on a terminal, and otherwise one key=value line
// per change of state and at most one per run and interval.
func NewProgress(w io.Writer, terminal bool, interval time.Duration) Progress {
	if terminal {
		return &bars{
			container: mpb.New(mpb.WithOutput(w), mpb.WithWidth(24), mpb.WithRefreshRate(200*time.Millisecond)),
			runs:      map[string]*bar{},
		}
	}
	return &lines{w: w, interval: interval, last: map[string]time.Time{}}
}

// lines is the progress of logs and pipes.
type lines struct {
	mu       sync.Mutex
	w        io.Writer
	interval time.Duration
	last     map[string]time.Time
}

func (l *lines) Start(label string, steps int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "state=started run=%q steps=%d\n", label, steps)
	l.last[label] = time.Now()
}

func (l *lines) Update(label string, m train.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.last[label]) < l.interval {
		return
	}
	l.last[label] = time.Now()
	fmt.Fprintf(l.w, "state=%s run=%q step=%d steps=%d loss=%.4f ppl=%.2f tokens_per_second=%.0f peak_mib=%d\n",
		m.Phase, label, m.Step, m.Steps, m.Loss, m.PPL, m.TokensPerSecond, m.PeakBytes>>20)
}

func (l *lines) Finish(label, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "state=ended run=%q %s\n", label, line)
}

func (l *lines) Note(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.w, line)
}

func (l *lines) Wait() {}

// bars is the progress of a terminal: one bar per active run; finished runs
// scroll up as lines of text.
type bars struct {
	mu        sync.Mutex
	container *mpb.Progress
	runs      map[string]*bar
}

type bar struct {
	bar  *mpb.Bar
	mu   sync.Mutex
	last train.Message
}

func (b *bars) Start(label string, steps int) {
	r := &bar{}
	r.bar = b.container.AddBar(int64(steps),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(label, decor.WC{C: decor.DindentRight | decor.DextraSpace | decor.DSyncWidth})),
		mpb.AppendDecorators(
			decor.CountersNoUnit("%d/%d ", decor.WCSyncSpace),
			decor.Any(func(decor.Statistics) string { return r.text() }, decor.WCSyncSpaceR),
			decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace),
		))
	b.mu.Lock()
	b.runs[label] = r
	b.mu.Unlock()
}

func (r *bar) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.Loss == 0 {
		return r.last.Phase
	}
	s := fmt.Sprintf("loss %.3f", r.last.Loss)
	if r.last.PPL > 0 {
		s += fmt.Sprintf("  ppl %.1f", r.last.PPL)
	}
	return s + fmt.Sprintf("  %.0f tok/s  %d MiB", r.last.TokensPerSecond, r.last.PeakBytes>>20)
}

func (b *bars) Update(label string, m train.Message) {
	b.mu.Lock()
	r := b.runs[label]
	b.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	r.last = m
	r.mu.Unlock()
	r.bar.SetCurrent(int64(min(m.Step, m.Steps-1))) // the bar ends with Finish, not with the last step
}

func (b *bars) Finish(label, line string) {
	b.mu.Lock()
	r := b.runs[label]
	delete(b.runs, label)
	b.mu.Unlock()
	if r != nil {
		r.bar.Abort(true)
		r.bar.Wait()
	}
	b.Note(label + ": " + line)
}

func (b *bars) Note(line string) { fmt.Fprintln(b.container, line) }

func (b *bars) Wait() { b.container.Wait() }

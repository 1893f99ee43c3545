package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"ranklab/harness/bench/blas"
	"ranklab/harness/record"
	"ranklab/tensor"
)

// Options say what to measure, and for how long.
type Options struct {
	Sections []string   // names among [Sections]; none: all
	Presets  []string   // see [Presets]
	Threads  int        // of every contestant; 0: all processors
	ISA      tensor.ISA // of our kernels
	Tokens   int        // rows of activations; max_length divides it
	Length   int        // max_length; 0: that of the preset's protocol
	Rank     int        // of the low-rank methods; 0: that of the preset's protocol
	Set      []string   // overrides of the runs, as of an experiment: KEY=VALUE

	Runs      int           // runs of a figure, at most
	PerFigure time.Duration // time of a figure, about
	Compare   []string      // names among [blas.Names]; a library that is missing is noted
	Small     bool          // measure the memory with arrays that may fit into caches

	Revision string       // of the program, when known from the build
	Binary   string       // the ranklab executable, for parallel runs
	Progress func(string) // what is being measured; may be nil
}

// session is one measurement under way.
type session struct {
	Options
	device  *tensor.Device
	widest  *tensor.Device // of the peak: device, or one with wider vectors
	bodies  []*body
	compare []*blas.Library
	arrays  *arrays // nil outside the sections that need it
	report  *Report
	section string
	began   time.Time
}

// Check returns what is wrong with the options, before anything is measured.
func (o Options) Check() error {
	_, err := o.bodies()
	if err != nil {
		return err
	}
	for _, name := range o.Compare {
		if !slices.Contains(blas.Names(), name) {
			return unknown("library", name, append(blas.Names(), "none"))
		}
	}
	_, err = selectSections(o.Sections)
	return err
}

// Run measures. When ctx ends it returns what has been measured so far, with
// the error of ctx.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	chosen, err := selectSections(o.Sections)
	if err != nil {
		return nil, err
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	// Libraries written in Go take as many threads as the scheduler has.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.Threads))

	s := &session{Options: o, began: time.Now()}
	if s.bodies, err = o.bodies(); err != nil {
		return nil, err
	}
	s.device = tensor.NewDevice(tensor.Options{Threads: o.Threads, ISA: o.ISA})
	defer s.device.Close()
	s.widest = s.device
	if s.device.ISA() != tensor.Supported()[0] {
		s.widest = tensor.NewDevice(tensor.Options{Threads: o.Threads})
		defer s.widest.Close()
	}
	s.report = s.newReport(chosen)
	load := newLoad()
	defer func() { s.report.Others = load.others(); s.noteOthers() }()
	for _, section := range chosen {
		s.section = section.name
		if err := section.run(s, ctx); err != nil {
			s.report.Interrupted = ctx.Err() != nil
			return s.report, err
		}
	}
	return s.report, nil
}

func (s *session) newReport(chosen []section) *Report {
	p := record.Collect(s.Revision, false)
	r := &Report{
		Schema: Schema, Time: s.began.UTC().Truncate(time.Second),
		Machine: Machine{
			CPU: p.CPU, OS: p.OS, Arch: p.Arch, ISA: s.device.ISA().String(), Peak: s.widest.ISA().String(),
			Threads: s.Threads, CacheBytes: cacheBytes(),
		},
		Program:  Program{p.Revision, p.Dirty, p.GoVersion},
		Settings: Settings{Tokens: s.Tokens, Runs: s.Runs, Seconds: s.PerFigure.Seconds(), Set: append([]string{}, s.Set...)},
		// Empty lists are lists in JSON too.
		Libraries: []blas.Library{}, Limits: []Limit{}, Figures: []Figure{}, Means: []Mean{}, Notes: []string{},
	}
	for _, c := range chosen {
		r.Settings.Sections = append(r.Settings.Sections, c.name)
	}
	for _, b := range s.bodies {
		r.Settings.Presets = append(r.Settings.Presets, b.name)
	}
	if s.Threads > p.CPU.Cores {
		s.report = r
		s.note("%d threads on %d processors: shares say nothing", s.Threads, p.CPU.Cores)
	}
	return r
}

// say tells what is being measured.
func (s *session) say(format string, args ...any) {
	if s.Progress != nil {
		s.Progress(s.section + ": " + fmt.Sprintf(format, args...))
	}
}

// note adds what a reader of the report should know, once.
func (s *session) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.report.Notes, text) {
		s.report.Notes = append(s.report.Notes, text)
	}
}

func (s *session) add(f Figure) { s.report.Figures = append(s.report.Figures, f) }

// turn is the time that one run of a short figure lasts.
func (s *session) turn() time.Duration { return s.PerFigure / 20 }

// repeat times a function that takes long: once to warm up, then up to Runs
// times. After two runs it stops when the time of the figure has passed ten
// times over. before and after surround each run; before returns the limit to
// hold it against.
func (s *session) repeat(ctx context.Context, before func() float64, f func() error, after func()) ([]sample, error) {
	if err := f(); err != nil {
		return nil, err
	}
	var samples []sample
	for start := time.Now(); len(samples) < s.Runs && (len(samples) < 2 || time.Since(start) < 10*s.PerFigure); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x := sample{limit: before()}
		began := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		x.seconds = time.Since(began).Seconds()
		after()
		samples = append(samples, x)
	}
	return samples, nil
}

package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ranklab/internal/memory"
)

const id = "4f2c9a01b7de55e0c0ffee"

func open(t *testing.T, root string) *Writer {
	t.Helper()
	w, err := Open(root, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.lock.Close() })
	return w
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, root string) (Run, Metrics) {
	t.Helper()
	r, err := Read(Dir(root, id))
	must(t, err, r.Problem)
	m, err := r.Metrics()
	must(t, err)
	return r, m
}

func TestRoundTrip(t *testing.T) {
	root := t.TempDir()
	origin := Origin{
		Experiment: "quick", Variant: "galore", Kind: "galore", Label: "GaLore", Seed: 2,
		Axes:     map[string]any{"rank": 32.0, "update_proj_gap": "never"},
		Settings: map[string]any{"lr": 0.02, "layerwise": true, "targets": []any{"attn", "mlp"}},
	}
	must(t, AddOrigin(root, id, "numbers", origin))
	w := open(t, root)
	train := TrainRow{K: "train", Step: 1, TokensSeen: 2048, Positions: 4096, Loss: 6.25, LR: 1e-3, GradNorm: 1.5}
	eval := EvalRow{K: "eval", Step: 1, TokensSeen: 2048, Positions: 4096, Split: "validation", Loss: 6, PPL: 403.4, BitsPerByte: 2.5, PPLGalore77: 399, Targets: 8192}
	choice := eval
	choice.Split, choice.Loss = Select, 6.125
	event := EventRow{K: "event", Step: 1, Name: "merge", Detail: map[string]any{"norm": 0.5}}
	mem := Memory{
		Schema:     Schema,
		Predicted:  map[memory.Category]int64{memory.Weights: 100},
		Registered: map[memory.Category]int64{memory.Weights: 100, memory.Scratch: 7},
		Entries:    []memory.Entry{{Category: memory.Weights, Name: "w", Bytes: 100}},
	}
	prov := Provenance{Schema: Schema, Attempt: 1, Revision: "abc", GoVersion: "go1", CPU: CPU{Model: "m", Cores: 2}, CorpusDigest: "c"}
	sum := Summary{
		Schema: Schema, ID: id, NumbersID: "numbers", State: Done, Steps: 1, TokensSeen: 2048, Positions: 4096, Epochs: 0.5,
		Final: eval, Best: eval, Select: &choice, StateDigest: "d", Attempts: 1, Time: Durations{TrainS: 1, EvalS: 2, RefreshS: 3},
		TokensPerSecond: 1000, Threads: 2, PeakBytes: 1 << 20, Memory: mem.Registered,
	}
	must(t, w.Spec([]byte("a = 1\n")), w.Train(train), w.Eval(eval), w.Eval(choice), w.Event(event), w.Memory(mem), w.Provenance(prov),
		w.Status(Status{State: Running, Step: 1, Total: 1}), w.Timing(TimingRow{Step: 1, ElapsedS: 2}))
	if r, _ := read(t, root); r.State() != Running || r.Status.PID != os.Getpid() || r.Status.Attempt != 1 || r.Status.Heartbeat.IsZero() {
		t.Errorf("state %s, status %+v while the writer is open", r.State(), r.Status)
	}
	must(t, w.Summary(sum), w.Close())

	r, m := read(t, root)
	if r.State() != Done || !r.Finished() {
		t.Errorf("state %s, want done", r.State())
	}
	want := Run{ID: id, NumbersID: "numbers", Dir: Dir(root, id), Origins: []Origin{origin}, Summary: &sum, Memory: &mem, Provenance: &prov}
	if d := cmp.Diff(want, r, cmpopts.IgnoreUnexported(Run{}), cmpopts.IgnoreFields(Run{}, "Status")); d != "" {
		t.Errorf("run (-want +got):\n%s", d)
	}
	if d := cmp.Diff(Metrics{Train: []TrainRow{train}, Eval: []EvalRow{eval}, Events: []EventRow{event}, Select: []EvalRow{choice}}, m); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	if toml, err := r.Spec(); err != nil || string(toml) != "a = 1\n" {
		t.Errorf("spec %q, %v", toml, err)
	}
}

func TestNonFiniteValuesStayJSON(t *testing.T) {
	root := t.TempDir()
	w := open(t, root)
	nan, inf := Float(math.NaN()), Float(math.Inf(1))
	detail := map[string]any{"loss": math.NaN(), "list": []any{math.Inf(-1), 1.0}, "norms": []float64{math.NaN()}, "f": float32(math.Inf(1)), "in": map[string]any{"x": math.NaN()}}
	must(t, w.Train(TrainRow{Step: 1, Loss: nan, GradNorm: inf}), w.Eval(EvalRow{Step: 1, Loss: nan, PPL: inf}),
		w.Event(EventRow{Step: 1, Name: "diverged", Detail: detail}),
		w.Summary(Summary{ID: id, State: Diverged, Final: EvalRow{Loss: nan}}), w.Close())
	for _, name := range []string{metricsFile, summaryFile} {
		data, err := os.ReadFile(filepath.Join(w.Dir(), name))
		must(t, err)
		dec := json.NewDecoder(bytes.NewReader(data))
		n := 0
		for dec.More() {
			var v any
			if err := dec.Decode(&v); err != nil {
				t.Fatalf("%s: %v in %s", name, err, data)
			}
			n++
		}
		if n == 0 || !bytes.Contains(data, []byte("null")) {
			t.Errorf("%s holds no null: %s", name, data)
		}
	}
	r, m := read(t, root)
	if r.State() != Diverged || !math.IsNaN(float64(m.Train[0].Loss)) || !math.IsNaN(float64(m.Eval[0].PPL)) {
		t.Errorf("state %s, rows %+v: want diverged and NaN", r.State(), m)
	}
	if !math.IsNaN(detail["loss"].(float64)) {
		t.Error("the caller's map was changed")
	}
}

func TestTornLastLine(t *testing.T) {
	root := t.TempDir()
	w := open(t, root)
	must(t, w.Train(TrainRow{Step: 1}), w.Train(TrainRow{Step: 2}))
	whole := w.metrics.size
	must(t, w.Close())
	path := filepath.Join(w.Dir(), metricsFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	// Longer than one block, so that the search for the line end goes back twice.
	fmt.Fprintf(f, `{"k":"train","step":3,"x":%q`, strings.Repeat("x", 10000))
	must(t, f.Close())

	if _, m := read(t, root); len(m.Train) != 2 {
		t.Errorf("a reader sees %d rows beside a torn line, want 2", len(m.Train))
	}
	w = open(t, root)
	if w.metrics.size != whole || w.Attempt() != 2 {
		t.Errorf("reopened at byte %d, attempt %d; want %d, 2", w.metrics.size, w.Attempt(), whole)
	}
	must(t, w.Train(TrainRow{Step: 3}), w.Close())
	if _, m := read(t, root); len(m.Train) != 3 || m.Train[2].Step != 3 {
		t.Errorf("rows %+v after the repair, want steps 1 2 3", m.Train)
	}
}

func TestBrokenLineInTheMiddleIsAnError(t *testing.T) {
	for _, line := range []string{`{"k":"train"`, `{"k":"unheard of"}`, `{"k":"eval","step":"one"}`} {
		_, err := readMetrics(strings.NewReader(`{"k":"train","step":1}` + "\n" + line + "\n"))
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: error %v, want one naming line 2", line, err)
		}
	}
}

func TestResumeEndsWithTheSameBytes(t *testing.T) {
	write := func(w *Writer, from, to int) {
		for step := from; step <= to; step++ {
			must(t, w.Train(TrainRow{Step: step, Loss: Float(10 / float64(step))}))
		}
	}
	straight := t.TempDir()
	w := open(t, straight)
	write(w, 1, 9)
	must(t, w.Close())
	want, err := os.ReadFile(filepath.Join(w.Dir(), metricsFile))
	must(t, err)

	resumed := t.TempDir()
	w = open(t, resumed)
	write(w, 1, 4)
	must(t, w.sync())
	checkpoint := w.metrics.size
	write(w, 5, 7)
	must(t, w.Close())
	w = open(t, resumed)
	must(t, w.TruncateTo(Mark{Metrics: checkpoint}))
	write(w, 5, 9)
	must(t, w.Close())
	got, err := os.ReadFile(filepath.Join(w.Dir(), metricsFile))
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("resumed rows differ:\n%s\nwant\n%s", got, want)
	}
}

func TestTruncateRefusesWrongOffsets(t *testing.T) {
	w := open(t, t.TempDir())
	must(t, w.Train(TrainRow{Step: 1}))
	for _, offset := range []int64{-1, 3, w.metrics.size + 1} {
		if err := w.TruncateTo(Mark{Metrics: offset}); err == nil {
			t.Errorf("TruncateTo(%d) of %d bytes succeeded", offset, w.metrics.size)
		}
	}
	must(t, w.TruncateTo(Mark{Metrics: w.metrics.size}), w.TruncateTo(Mark{}))
	if w.metrics.size != 0 {
		t.Errorf("offset %d after cutting everything", w.metrics.size)
	}
}

func TestOneWriterPerRun(t *testing.T) {
	root := t.TempDir()
	w := open(t, root)
	_, err := Open(root, id)
	var lockedErr *LockedError
	if !errors.As(err, &lockedErr) || lockedErr.PID != os.Getpid() {
		t.Fatalf("second Open: %v, want a LockedError with pid %d", err, os.Getpid())
	}
	if !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("message %q does not name the process", err)
	}
	must(t, w.Close())
	must(t, open(t, root).Close())
}

// TestKilledWriter kills a process that holds a run and checks that nothing
// stands in the way of the next one.
func TestKilledWriter(t *testing.T) {
	root := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=TestHelperHoldsRun$")
	cmd.Env = append(os.Environ(), "RANKLAB_TEST_ROOT="+root)
	out, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("child said %q, %v", line, err)
	}
	if _, err := Open(root, id); err == nil || !strings.Contains(err.Error(), fmt.Sprint(cmd.Process.Pid)) {
		t.Errorf("Open beside a living writer: %v, want an error naming process %d", err, cmd.Process.Pid)
	}
	if r, _ := read(t, root); r.State() != Running {
		t.Errorf("state %s beside a living writer, want running", r.State())
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	if r, m := read(t, root); r.State() != Interrupted || len(m.Train) != 1 {
		t.Errorf("state %s with %d rows after kill -9, want interrupted with 1", r.State(), len(m.Train))
	}
	w := open(t, root)
	if w.Attempt() != 2 {
		t.Errorf("attempt %d, want 2", w.Attempt())
	}
	leftovers, err := filepath.Glob(filepath.Join(w.Dir(), ".*"))
	must(t, err)
	if len(leftovers) != 0 {
		t.Errorf("temporary files stayed: %q", leftovers)
	}
	must(t, w.Close())
}

func TestHelperHoldsRun(t *testing.T) {
	root := os.Getenv("RANKLAB_TEST_ROOT")
	if root == "" {
		t.Skip("runs only as the child of TestKilledWriter")
	}
	w, err := Open(root, id)
	must(t, err, w.Status(Status{State: Running, Total: 10}), w.Train(TrainRow{Step: 1}),
		os.WriteFile(filepath.Join(w.Dir(), ".status.json.atomic-0000000000000000"), nil, 0o644),
		os.Chtimes(filepath.Join(w.Dir(), ".status.json.atomic-0000000000000000"), time.Time{}, time.Now().Add(-2*time.Hour)))
	_, err = w.metrics.file.WriteAt([]byte(`{"k":"tr`), w.metrics.size)
	must(t, err)
	fmt.Println("ready")
	time.Sleep(time.Minute) // killed long before
	must(t, w.Close())
}

func TestOpenRefusesAnotherRunsFolder(t *testing.T) {
	root := t.TempDir()
	must(t, AddOrigin(root, id, "n", Origin{Experiment: "a"}))
	other := id[:idDigits] + "0ddba11"
	if _, err := Open(root, other); err == nil || !strings.Contains(err.Error(), id) {
		t.Errorf("Open of a colliding id: %v, want an error naming %s", err, id)
	}
	if err := AddOrigin(root, other, "n", Origin{}); err == nil {
		t.Error("AddOrigin of a colliding id succeeded")
	}
	if _, err := Open(root, "short"); err == nil {
		t.Error("Open of a short id succeeded")
	}
}

func TestOriginsGrow(t *testing.T) {
	root := t.TempDir()
	must(t, AddOrigin(root, id, "n", Origin{Experiment: "a", Label: "one"}), AddOrigin(root, id, "n", Origin{Experiment: "b", Label: "two"}),
		AddOrigin(root, id, "n", Origin{Experiment: "a", Label: "renamed"}))
	r, _ := read(t, root)
	if r.State() != Planned {
		t.Errorf("state %s, want planned", r.State())
	}
	a, okA := r.Origin("a")
	b, okB := r.Origin("b")
	if len(r.Origins) != 2 || !okA || !okB || a.Label != "renamed" || b.Label != "two" {
		t.Errorf("origins %+v", r.Origins)
	}
	if _, ok := r.Origin("c"); ok {
		t.Error("found an origin of an experiment that never reached the run")
	}
}

func TestOriginsOfConcurrentSweeps(t *testing.T) {
	root := t.TempDir()
	const n = 8
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- AddOrigin(root, id, "n", Origin{Experiment: fmt.Sprint(i)}) }()
	}
	for range n {
		must(t, <-errs)
	}
	if r, _ := read(t, root); len(r.Origins) != n {
		t.Errorf("%d origins, want %d", len(r.Origins), n)
	}
}

func finish(t *testing.T, root, id string) {
	t.Helper()
	w, err := Open(root, id)
	must(t, err, w.Summary(Summary{ID: id, State: Done}), w.Close())
}

func TestListAndFind(t *testing.T) {
	root := t.TempDir()
	const a, b, c = "aaaaaaaaaaaa1", "aaaaaaaaaaab1", "cccccccccccc1"
	must(t, AddOrigin(root, a, "n", Origin{Experiment: "quick", Label: "GaLore"}), AddOrigin(root, b, "n", Origin{Experiment: "quick", Variant: "lora"}))
	reference := filepath.Join(root, "reference", "quick")
	finish(t, reference, a)
	finish(t, reference, c)
	must(t, os.MkdirAll(Dir(root, "dddddddddddd"), 0o777), os.WriteFile(filepath.Join(Dir(root, "dddddddddddd"), statusFile), []byte("{"), 0o666))

	runs, err := List(root, filepath.Join(root, "none"))
	must(t, err)
	var got []string
	for _, r := range runs {
		got = append(got, fmt.Sprintf("%.12s %s %v %v", r.ID, r.State(), r.Reference, r.Problem != nil))
	}
	want := []string{"aaaaaaaaaaaa done true false", "aaaaaaaaaaab planned false false", "cccccccccccc done true false", "dddddddddddd planned false true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("List (-want +got):\n%s", d)
	}

	for _, prefix := range []string{"c", c, c[:idDigits]} {
		if r, err := Find(runs, prefix); err != nil || r.ID != c {
			t.Errorf("Find(%q) = %s, %v", prefix, r.ID, err)
		}
	}
	for prefix, wants := range map[string][]string{
		"aaaa": {"ambiguous", "aaaaaaaaaaaa", "aaaaaaaaaaab (quick, lora)"},
		"ff":   {`no run "ff" among 4`, "aaaaaaaaaaaa"},
		"":     {"no run"},
	} {
		_, err := Find(runs, prefix)
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Find(%q): %v, want %q in it", prefix, err, want)
			}
		}
	}

	// Of two finished copies the own one is listed, unless the other alone has its
	// evidence.
	finish(t, root, c)
	for _, committed := range []bool{false, true} {
		runs, err := List(root)
		must(t, err)
		if r, err := Find(runs, c); err != nil || r.Reference != committed {
			t.Errorf("listed the committed copy: %v, want %v; %v", r.Reference, committed, err)
		}
		must(t, os.WriteFile(filepath.Join(Dir(reference, c), evidenceFile), fmt.Appendf(nil, `{"schema": %d}`, Schema), 0o666))
	}
}

func TestSummaryMustBeFinal(t *testing.T) {
	w := open(t, t.TempDir())
	if err := w.Summary(Summary{ID: id, State: Running}); err == nil {
		t.Error("a summary of a running run was accepted")
	}
}

func TestNewerSchemaIsReported(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(Dir(root, id), 0o777),
		os.WriteFile(filepath.Join(Dir(root, id), summaryFile), fmt.Appendf(nil, `{"schema": %d, "id": %q, "state": "done"}`, Schema+1, id), 0o666))
	r, err := Read(Dir(root, id))
	must(t, err)
	if r.Problem == nil || !strings.Contains(r.Problem.Error(), "newer") {
		t.Errorf("problem %v, want one about a newer schema", r.Problem)
	}
}

func TestCollect(t *testing.T) {
	for linked, dirty := range map[string]bool{"abc123": false, "abc123+dirty": true, "abc123-dirty": true, " abc123+dirty\n": true} {
		if p := Collect(linked, false); p.Revision != "abc123" || p.Dirty != dirty {
			t.Errorf("linked with %q: revision %q dirty %v, want abc123 %v", linked, p.Revision, p.Dirty, dirty)
		}
	}
	// Linked outside a repository: the mark alone is no revision.
	if p := Collect("+dirty", false); p.Revision == "" || strings.Contains(p.Revision, "dirty") {
		t.Errorf("linked with a mark alone: revision %q", p.Revision)
	}
	p := Collect("abc123", false)
	if p.GoVersion == "" || p.OS == "" || p.Arch == "" || p.CPU.Model == "" || p.CPU.Cores < 1 {
		t.Errorf("incomplete: %+v", p)
	}
	if p.Host != "" || p.Argv != nil {
		t.Errorf("host %q, argv %q recorded without being asked", p.Host, p.Argv)
	}
	if q := Collect("", true); q.Argv == nil || q.Revision == "" {
		t.Errorf("argv %q, revision %q when asked", q.Argv, q.Revision)
	}
}

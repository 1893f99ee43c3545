package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ranklab/harness/record"
	"ranklab/harness/view"
	"ranklab/internal/memory"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o777), os.WriteFile(path, []byte(got), 0o666))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got); go test -update accepts it:\n%s", path, d)
	}
}

// store writes one run as a trainer would; loss NaN means diverged.
func store(t *testing.T, root string, s *record.Sweep, method, label string, seed int, loss float64, axes map[string]any) string {
	t.Helper()
	id := fmt.Sprintf("%012x%s", len(s.Runs)*7919+1, "ffff")
	settings := map[string]any{"lr": 0.001, "steps": 400, "seed.init": seed}
	for k, v := range axes {
		settings[k] = v
	}
	must(t, record.AddOrigin(root, id, "n"+id, record.Origin{Experiment: s.Experiment, Variant: method, Kind: method, Label: label, Axes: axes, Seed: seed, Settings: settings}))
	w, err := record.Open(root, id)
	must(t, err)
	ppl := math.Exp(loss)
	eval := record.EvalRow{Step: 400, TokensSeen: 1638400, Positions: 1700000, Split: "validation", Loss: record.Float(loss), PPL: record.Float(ppl), BitsPerByte: record.Float(loss / 2.2), PPLGalore77: record.Float(ppl * 0.98), Targets: 65536}
	mem := map[memory.Category]int64{memory.Weights: 6 << 20, memory.OptimizerState: int64(len(method)) << 20, memory.Scratch: 300 << 10}
	sum := record.Summary{
		ID: id, NumbersID: "n" + id, State: record.Done, Steps: 400, TokensSeen: 1638400, Positions: 1700000, Epochs: 0.25, Final: eval, Best: eval, StateDigest: "d1", Threads: 2,
		Time: record.Durations{TrainS: 61.5, EvalS: 3, RefreshS: 0.5}, TokensPerSecond: 26640 - record.Float(100*len(s.Runs)), PeakBytes: 123 << 20, Memory: mem,
	}
	if math.IsNaN(loss) {
		sum.State, sum.Steps, sum.Reason = record.Diverged, 120, "loss is not finite at step 120"
	}
	must(t, w.Memory(record.Memory{Predicted: mem, Registered: mem}),
		w.Provenance(record.Provenance{Revision: "abc123", Dirty: true, GoVersion: "go1.26", OS: "linux", Arch: "amd64", CPU: record.CPU{Model: "CPU", Cores: 2}, CorpusDigest: "c0", TokenizerDigest: "t0", NumericsVersion: 1}),
		w.Status(record.Status{State: record.Running, Step: 400, Total: 400}), w.Eval(eval), w.Summary(sum), w.Close())
	s.Runs = append(s.Runs, record.SweepRun{ID: id, Label: label, Variant: method, Axes: axes, Seed: seed})
	return id
}

// experiment stores a sweep of three methods with up to three seeds.
func experiment(t *testing.T) (root string, s record.Sweep, runs []record.Run) {
	root = t.TempDir()
	s = record.Sweep{Experiment: "small", Title: "Small | comparison", Baselines: []record.Baseline{
		{Name: "unigram", Loss: 6.1, PPL: 445.9, BitsPerByte: 2.77}, {Name: "bigram", Loss: 4.9, PPL: 134.3, BitsPerByte: 2.23}, {Name: "trigram", Loss: 4.6, PPL: 99.5, BitsPerByte: 2.09},
	}}
	for seed := range 3 {
		store(t, root, &s, "adamw", "Full|Rank", seed, 3.6+0.01*float64(seed), nil)
	}
	for seed := range 3 {
		loss := 3.7 + 0.01*float64(seed*seed)
		if seed == 2 {
			loss = math.NaN()
		}
		store(t, root, &s, "galore", "", seed, loss, map[string]any{"rank": 32, "update_proj_gap": "never"})
	}
	store(t, root, &s, "lora", "LoRA", 0, 3.8, map[string]any{"rank": 32})
	store(t, root, &s, "relora", "ReLoRA", 0, math.NaN(), map[string]any{"rank": 32})
	s.Runs = append(s.Runs, record.SweepRun{ID: "eeeeeeeeeeee", Label: "GaLore rank=64", Variant: "galore"})
	must(t, view.Declarations{Tables: []view.Table{
		{ID: "main", Title: s.Title, Rows: []string{"method", "rank", "update_proj_gap"}, Ngrams: true},
		{ID: "memory", Rows: []string{"method"}, Columns: []string{"optimizer_state_bytes", "weights_bytes"}, Sort: "optimizer_state_bytes"},
	}}.Declare(&s))
	runs, err := record.List(root)
	must(t, err)
	return root, s, runs
}

func TestTables(t *testing.T) {
	_, s, runs := experiment(t)
	rows, pending := view.Rows(s, runs)
	if len(pending) != 1 || len(rows) != 8 {
		t.Fatalf("%d rows, %d pending; want 8, 1", len(rows), len(pending))
	}
	for format, file := range map[string]string{Text: "table.txt", Markdown: "table.md", LaTeX: "table.tex", CSV: "table.csv", JSON: "table.json"} {
		var b bytes.Buffer
		must(t, WriteTables(&b, s, rows, format))
		golden(t, file, b.String())
	}
}

func TestFormatsAreWellFormed(t *testing.T) {
	_, s, runs := experiment(t)
	rows, _ := view.Rows(s, runs)
	var b bytes.Buffer
	must(t, WriteTables(&b, s, rows, JSON))
	if !json.Valid(b.Bytes()) {
		t.Error("invalid JSON")
	}
	g, err := view.Tabulate(view.Table{ID: "t", Rows: []string{"method", "rank", "update_proj_gap"}, Ngrams: true}, rows, 1, s.Baselines)
	must(t, err)
	b.Reset()
	must(t, writeCSV(&b, g))
	lines, err := csv.NewReader(&b).ReadAll() // checks that lines have equal length
	must(t, err)
	if len(lines) != 1+4+3 {
		t.Errorf("%d CSV lines, want header, 4 rows, 3 baselines", len(lines))
	}
	b.Reset()
	must(t, writeGrid(&b, g, Markdown))
	bars := -1
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		n := strings.Count(line, "|") - strings.Count(line, `\|`)
		if bars >= 0 && n != bars {
			t.Errorf("Markdown line with %d cells, want %d: %s", n-1, bars-1, line)
		}
		bars = n
	}
}

func TestSweepWithoutTablesGetsOne(t *testing.T) {
	_, s, runs := experiment(t)
	s.Tables = nil
	rows, _ := view.Rows(s, runs)
	var b bytes.Buffer
	must(t, WriteTables(&b, s, rows, Text))
	for _, want := range []string{"rank", "updates", "trigram", "galore"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("default table lacks %q:\n%s", want, &b)
		}
	}
}

func TestOneBadTableDoesNotStopTheOthers(t *testing.T) {
	_, s, runs := experiment(t)
	must(t, view.Declarations{Tables: []view.Table{{ID: "bad", Rows: []string{"kind"}, Sort: "colour"}, {ID: "good", Rows: []string{"method"}}}}.Declare(&s))
	rows, _ := view.Rows(s, runs)
	var b bytes.Buffer
	err := WriteTables(&b, s, rows, Text)
	if err == nil || !strings.Contains(err.Error(), `table "bad"`) || !strings.Contains(b.String(), "good") {
		t.Errorf("error %v, output %q", err, &b)
	}
	if err := WriteTables(&b, s, rows, "html"); err == nil {
		t.Error("an unknown format was accepted")
	}
}

func TestRun(t *testing.T) {
	root, s, runs := experiment(t)
	for name, sr := range map[string]record.SweepRun{"run.txt": s.Runs[3], "run-diverged.txt": s.Runs[5]} {
		r, err := record.Find(runs, sr.ID)
		must(t, err)
		var b bytes.Buffer
		must(t, WriteRun(&b, r, Text))
		golden(t, name, strings.ReplaceAll(b.String(), root, "results"))
		b.Reset()
		must(t, WriteRun(&b, r, JSON))
		var back struct {
			ID    string
			State string
		}
		must(t, json.Unmarshal(b.Bytes(), &back))
		if back.ID != r.ID || back.State != r.State() {
			t.Errorf("JSON says %+v", back)
		}
	}
}

func TestRunInProgress(t *testing.T) {
	root := t.TempDir()
	w, err := record.Open(root, "abcabcabcabc")
	must(t, err, w.Status(record.Status{State: record.Running, Step: 10, Total: 400}))
	defer w.Close()
	r, err := record.Read(record.Dir(root, "abcabcabcabc"))
	must(t, err)
	var b bytes.Buffer
	must(t, WriteRun(&b, r, Text))
	for _, want := range []string{"running", "10 of 400"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, &b)
		}
	}
	if err := WriteComparison(&b, []record.Run{r, r}, Text); err == nil || !strings.Contains(err.Error(), "no result yet") {
		t.Errorf("comparing a running run: %v", err)
	}
}

func TestComparison(t *testing.T) {
	_, s, runs := experiment(t)
	var picked []record.Run
	for _, i := range []int{0, 3, 7} {
		r, err := record.Find(runs, s.Runs[i].ID)
		must(t, err)
		picked = append(picked, r)
	}
	for format, file := range map[string]string{Text: "compare.txt", Markdown: "compare.md", JSON: "compare.json"} {
		var b bytes.Buffer
		must(t, WriteComparison(&b, picked, format))
		golden(t, file, b.String())
	}
	if err := WriteComparison(&bytes.Buffer{}, picked[:1], Text); err == nil {
		t.Error("one run was compared")
	}
}

func TestStatus(t *testing.T) {
	root, s, _ := experiment(t)
	must(t, record.AddOrigin(root, "eeeeeeeeeeee", "n", record.Origin{Experiment: s.Experiment, Variant: "galore", Label: "GaLore rank=64"}))
	must(t, os.MkdirAll(record.Dir(root, "ffffffffffff"), 0o777))
	stopped := `{"state":"interrupted","step":100,"total":400,"heartbeat":"2026-01-02T03:04:05Z","reason":"Ctrl-C"}`
	must(t, os.WriteFile(filepath.Join(record.Dir(root, "ffffffffffff"), "status.json"), []byte(stopped), 0o666))
	runs, err := record.List(root)
	must(t, err)
	now := time.Date(2026, 1, 2, 3, 34, 5, 0, time.UTC)
	var b bytes.Buffer
	must(t, WriteStatus(&b, runs, nil, now, Text))
	golden(t, "status.txt", b.String())
	b.Reset()
	must(t, WriteStatus(&b, runs, &s, now, JSON))
	var list []map[string]any
	must(t, json.Unmarshal(b.Bytes(), &list))
	if len(list) != 9 {
		t.Errorf("%d runs of the experiment, want 9", len(list))
	}
	b.Reset()
	must(t, WriteStatus(&b, runs, &record.Sweep{Experiment: "other"}, now, Text))
	if !strings.Contains(b.String(), `experiment "other" has no runs`) {
		t.Errorf("output %q", &b)
	}
	b.Reset()
	must(t, WriteStatus(&b, nil, nil, now, Text))
	if !strings.Contains(b.String(), "no runs stored yet") {
		t.Errorf("output %q", &b)
	}
}

// TestStatusOfASweep lists a sweep that shares a run with another experiment,
// reuses a committed one and has not begun a third.
func TestStatusOfASweep(t *testing.T) {
	root := t.TempDir()
	first := record.Sweep{Experiment: "first"}
	shared := store(t, root, &first, "adamw", "Full rank", 0, 3.5, nil)
	left := store(t, root, &first, "galore", "left out later", 0, 3.6, nil)
	committed := store(t, filepath.Join(root, "reference", "first"), &first, "lora", "LoRA", 0, 3.7, nil)
	must(t, record.AddOrigin(root, left, "n", record.Origin{Experiment: "second", Variant: "galore", Label: "of an older file"}))
	const planned = "dddddddddddd"
	second := record.Sweep{Experiment: "second", Runs: []record.SweepRun{
		{ID: committed, Label: "adapters", Variant: "lora", Seed: 3}, {ID: planned, Label: "to come", Variant: "relora"}, {ID: shared, Label: "baseline", Variant: "adamw"},
	}}
	runs, err := record.List(root)
	must(t, err)
	var b bytes.Buffer
	must(t, WriteStatus(&b, runs, &second, time.Now(), Text))
	var got []string
	for line := range strings.Lines(b.String()) {
		if f := strings.Fields(line); len(f) > 4 && f[1] == "second" {
			got = append(got, strings.Join(f[:5], " "))
		}
	}
	want := []string{
		record.ShortID(committed) + " second adapters done (reference)", planned + " second to come planned", record.ShortID(shared) + " second baseline done 0",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s\nof\n%s", d, &b)
	}
	if strings.Contains(b.String(), record.ShortID(left)) {
		t.Errorf("a run that the sweep does not hold is listed:\n%s", &b)
	}
	b.Reset()
	must(t, WriteStatus(&b, runs, &second, time.Now(), JSON))
	var list []struct {
		ID, State string
		Entry     record.SweepRun
	}
	must(t, json.Unmarshal(b.Bytes(), &list))
	if len(list) != 3 || list[0].Entry.Label != "adapters" || list[0].Entry.Seed != 3 || list[1].ID != planned || list[1].State != record.Planned {
		t.Errorf("JSON %+v", list)
	}
}

// neverEvaluated stores a run that diverged before its first evaluation.
func neverEvaluated(t *testing.T, root string, s *record.Sweep) string {
	t.Helper()
	id := "dddddddddddd" + "ffff"
	nan := record.Float(math.NaN())
	none := record.EvalRow{Loss: nan, PPL: nan, BitsPerByte: nan, PPLGalore77: nan}
	must(t, record.AddOrigin(root, id, "n", record.Origin{Experiment: s.Experiment, Variant: "sgd", Kind: "sgd", Settings: map[string]any{"lr": 10.0}}))
	w, err := record.Open(root, id)
	must(t, err, w.Train(record.TrainRow{Step: 1, Loss: nan}), w.Summary(record.Summary{
		ID: id, State: record.Diverged, Reason: "loss is not finite at step 1", Steps: 1, Final: none, Best: none, Threads: 2, TokensPerSecond: 1000,
	}), w.Close())
	s.Runs = append(s.Runs, record.SweepRun{ID: id, Variant: "sgd"})
	return id
}

func TestRunWithoutEvaluation(t *testing.T) {
	root := t.TempDir()
	s := record.Sweep{Experiment: "x"}
	good := store(t, root, &s, "adamw", "AdamW", 0, 3.5, nil)
	bad := neverEvaluated(t, root, &s)
	runs, err := record.List(root)
	must(t, err)
	adamw, err := record.Find(runs, good)
	must(t, err)
	sgd, err := record.Find(runs, bad)
	must(t, err)
	var b bytes.Buffer
	must(t, WriteRun(&b, sgd, Text))
	if !strings.Contains(b.String(), "no evaluation") || strings.Contains(b.String(), "best, at") || strings.Contains(b.String(), "perplexity") {
		t.Errorf("run:\n%s", &b)
	}
	for _, pair := range [][]record.Run{{adamw, sgd}, {sgd, adamw}, {sgd, sgd}} {
		b.Reset()
		must(t, WriteComparison(&b, pair, Text))
		found := false
		for line := range strings.Lines(b.String()) {
			if f := strings.Fields(line); len(f) == 4 && f[0] == "validation" && f[1] == "perplexity" {
				found = slices.Contains(f, "diverged") && !slices.Contains(f, "0")
			}
		}
		if !found {
			t.Errorf("comparison without a line of perplexities, one of them diverged:\n%s", &b)
		}
	}
	rows, _ := view.Rows(s, runs)
	b.Reset()
	must(t, WriteTables(&b, s, rows, Text))
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "sgd") && !strings.Contains(line, "diverged") {
			t.Errorf("table line without its mark: %s", line)
		}
	}
	if !strings.Contains(b.String(), "sgd") {
		t.Errorf("table without the diverged run:\n%s", &b)
	}
}

// A diverged run has a last finite loss, which is not its outcome.
func TestComparisonHidesWhatADivergedRunMeasured(t *testing.T) {
	root := t.TempDir()
	s := record.Sweep{Experiment: "x"}
	ids := []string{store(t, root, &s, "adamw", "", 0, 3.5, nil), store(t, root, &s, "galore", "", 0, 3.25, nil)}
	var pair []record.Run
	for _, id := range ids {
		r, err := record.Read(record.Dir(root, id))
		must(t, err)
		pair = append(pair, r)
	}
	pair[1].Summary.State = record.Diverged
	var b bytes.Buffer
	must(t, WriteComparison(&b, pair, Text))
	if strings.Contains(b.String(), "3.250") || !strings.Contains(b.String(), "3.500") || !strings.Contains(b.String(), "diverged") {
		t.Errorf("comparison:\n%s", &b)
	}
}

func TestRunNamesTheProgramsOfLaterAttempts(t *testing.T) {
	r := record.Run{ID: "abcabcabcabc", Provenance: &record.Provenance{
		Revision: "aaa", Attempt: 1, Attempts: []record.AttemptProvenance{{Attempt: 1, Revision: "aaa"}, {Attempt: 3, FromStep: 1200, Revision: "bbb", Dirty: true, GoVersion: "go1.99"}},
	}}
	var b bytes.Buffer
	must(t, WriteRun(&b, r, Text))
	for _, want := range []string{"start 3", "bbb, with changes, go1.99, after 1,200 updates"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, &b)
		}
	}
	if strings.Count(b.String(), "aaa") != 1 {
		t.Errorf("the first revision is not there once:\n%s", &b)
	}
}

func TestTablesNameOverrides(t *testing.T) {
	_, s, runs := experiment(t)
	s.Overrides = []string{"train.steps=4", "lr=[0.1]"}
	rows, _ := view.Rows(s, runs)
	for _, format := range []string{Text, Markdown, JSON} {
		var b bytes.Buffer
		must(t, WriteTables(&b, s, rows, format))
		if n := strings.Count(b.String(), "with -S train.steps=4 -S lr=[0.1]"); n != 2 {
			t.Errorf("%s: the overrides stand at %d of 2 tables:\n%s", format, n, &b)
		}
	}
}

// While runs are missing, a table of theirs is empty; afterwards its where is
// wrong.
func TestTableOfRunsThatAreToCome(t *testing.T) {
	_, s, runs := experiment(t)
	must(t, view.Declarations{Tables: []view.Table{{ID: "later", Rows: []string{"method"}, Where: map[string]any{"rank": 64}}}}.Declare(&s))
	rows, _ := view.Rows(s, runs)
	for _, format := range []string{Text, Markdown, CSV, JSON} {
		var b bytes.Buffer
		must(t, WriteTables(&b, s, rows, format))
		if format != CSV && !strings.Contains(b.String(), "no finished run has rank = 64") {
			t.Errorf("%s:\n%s", format, &b)
		}
	}
	s.Runs = s.Runs[:len(s.Runs)-1]
	if err := WriteTables(&bytes.Buffer{}, s, rows, Text); err == nil || !strings.Contains(err.Error(), "rank = 64") {
		t.Errorf("a table of runs that the sweep does not have: %v", err)
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"25.36": measure(25.3649), "3.664": measure(3.6638), "0.5012": measure(0.50119), "1234": measure(1234.4), "0": measure(0),
		"1,234,567": thousands(1234567), "-1,000": thousands(-1000), "999": thousands(999), "12.5": thousands(12.46), "0 ": thousands(0) + " ",
		"2.00": mebibytes(2 << 20), "123.0": mebibytes(123 << 20), "2,048": mebibytes(2 << 30), "0.0010": mebibytes(1 << 10),
		"¹²": mark(12), "61.5 s": duration(61.5), "3 min 01 s": duration(181), "3 h 00 min": duration(10800),
		"1.333": quantity(view.Describe("threads"), 4./3), "16": quantity(view.Describe("threads"), 16),
	} {
		if strings.TrimSpace(want) != strings.TrimSpace(got) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestEstimate: a run shows its estimate, beside the actual when it is done, and
// by how much they differ.
func TestEstimate(t *testing.T) {
	root := t.TempDir()
	var s record.Sweep
	done := store(t, root, &s, "galore", "", 0, 3.7, nil)
	diverged := store(t, root, &s, "adamw", "", 0, math.NaN(), nil)
	must(t, record.AddOrigin(root, "00000000cccc", "n", record.Origin{Experiment: "small", Variant: "lora"}))
	e := record.Estimate{
		How: record.Calibrated, Threads: 2, FLOPs: 2.5e12, MemoryBytes: 100 << 20, DiskBytes: 12 << 20,
		Time: record.Durations{TrainS: 50, RefreshS: 1, EvalS: 6, CheckpointS: 2, SetupS: 0.5},
	}
	for _, id := range []string{done, diverged, "00000000cccc"} {
		must(t, record.WriteEstimate(root, id, e, true))
	}
	runs, err := record.List(root)
	must(t, err)
	for id, want := range map[string][]string{
		done:           {"estimate (calibrated, for 2 threads) and actual", "50.0 s → 61.5 s (+23.0 %)", "6.0 s → 3.0 s (-50.0 %)", "1.0 s → 0.5 s (-50.0 %)", "58.5 s → 64.5 s (+10.3 %)", "100.0 MiB → 123.0 MiB (+23.0 %)", "checkpoints 2.0 s set-up"},
		diverged:       {"training 50.0 s of it"},
		"00000000cccc": {"time in all 58.5 s memory", "2.5e+12 FLOP"},
	} {
		r, err := record.Find(runs, id)
		must(t, err)
		var text, data bytes.Buffer
		must(t, WriteRun(&text, r, Text), WriteRun(&data, r, JSON))
		words := strings.Join(strings.Fields(text.String()), " ")
		for _, w := range want {
			if !strings.Contains(words, w) {
				t.Errorf("%s: no %q in\n%s", id, w, text.String())
			}
		}
		var out struct {
			List []struct {
				Name    string   `json:"name"`
				Actual  *float64 `json:"actual"`
				Percent *float64 `json:"deviation_percent"`
			} `json:"estimate_and_actual"`
		}
		must(t, json.Unmarshal(data.Bytes(), &out))
		if len(out.List) != 8 {
			t.Fatalf("%s: %d parts", id, len(out.List))
		}
		for _, d := range out.List {
			measured := id == done && d.Name != "checkpoint_s" && d.Name != "setup_s" && d.Name != "disk_bytes"
			if (d.Actual != nil) != measured || (d.Percent != nil) != measured {
				t.Errorf("%s: %+v, measured %v", id, d, measured)
			}
		}
	}
}

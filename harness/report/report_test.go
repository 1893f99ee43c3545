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
	must(t, view.Declare(&s, nil, []view.Table{
		{ID: "main", Title: s.Title, Rows: []string{"method", "rank", "update_proj_gap"}, Ngrams: true},
		{ID: "memory", Rows: []string{"method"}, Columns: []string{"optimizer_state_bytes", "weights_bytes"}, Sort: "optimizer_state_bytes"},
	}))
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
	for format, file := range map[string]string{Text: "table.txt", Markdown: "table.md", CSV: "table.csv", JSON: "table.json"} {
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
	g, err := view.Tabulate(view.Table{ID: "t", Rows: []string{"method", "rank", "update_proj_gap"}, Ngrams: true}, rows, s.Baselines)
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
	must(t, view.Declare(&s, nil, []view.Table{{ID: "bad", Rows: []string{"kind"}, Where: map[string]any{"rank": 1}}, {ID: "good", Rows: []string{"method"}}}))
	rows, _ := view.Rows(s, runs)
	var b bytes.Buffer
	err := WriteTables(&b, s, rows, Text)
	if err == nil || !strings.Contains(err.Error(), `table "bad"`) || !strings.Contains(b.String(), "good") {
		t.Errorf("error %v, output %q", err, &b)
	}
	if err := WriteTables(&b, s, rows, "latex"); err == nil {
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
	must(t, WriteStatus(&b, runs, "", now, Text))
	golden(t, "status.txt", b.String())
	b.Reset()
	must(t, WriteStatus(&b, runs, s.Experiment, now, JSON))
	var list []map[string]any
	must(t, json.Unmarshal(b.Bytes(), &list))
	if len(list) != 9 {
		t.Errorf("%d runs of the experiment, want 9", len(list))
	}
	b.Reset()
	must(t, WriteStatus(&b, runs, "other", now, Text))
	if !strings.Contains(b.String(), `no runs of experiment "other"`) {
		t.Errorf("output %q", &b)
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"25.36": measure(25.3649), "3.664": measure(3.6638), "0.5012": measure(0.50119), "1234": measure(1234.4), "0": measure(0),
		"1,234,567": thousands(1234567), "-1,000": thousands(-1000), "999": thousands(999), "12.5": thousands(12.46), "0 ": thousands(0) + " ",
		"2.00": mebibytes(2 << 20), "123.0": mebibytes(123 << 20), "2,048": mebibytes(2 << 30), "0.0010": mebibytes(1 << 10),
		"¹²": mark(12), "61.5 s": duration(61.5), "3 min 01 s": duration(181), "3 h 00 min": duration(10800),
	} {
		if strings.TrimSpace(want) != strings.TrimSpace(got) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

package plan

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/tensor"
)

// one is a calibration whose parts are all a constant number of seconds.
func one(seconds float64) Calibration {
	l := Line{Base: seconds}
	return Calibration{Pass: l, Apply: l, First: l, Refresh: l, Eval: l, SetUp: l}
}

// counting returns a calibrator that measures nothing but says how often it was
// asked to.
func counting(t *testing.T, folder string, mode Calibrating) (c *calibrator, measured *int) {
	t.Helper()
	measured = new(int)
	cache, note := openCache(folder)
	c = &calibrator{
		mode: mode, machine: machine{CPU: "CPU", ISA: "go", Threads: 1}, cache: cache, known: map[string]Calibration{},
		now: func() time.Time { return time.Unix(0, 0) },
		probe: func(context.Context, spec.Run) (Calibration, error) {
			*measured++
			return one(float64(*measured)), nil
		},
		expect: func(spec.Run) (float64, int64, error) { return 1, 1 << 20, nil },
	}
	c.speed = func() float64 { return c.gemm }
	if note != "" {
		c.notes = append(c.notes, note)
	}
	return c, measured
}

// candidates are runs that are too short to be worth long measurements.
func candidates(runs ...spec.Run) (list []candidate) {
	for _, r := range runs {
		list = append(list, candidate{r, 60})
	}
	return list
}

// TestCalibrationCache: runs of one shape share a calibration, a later plan finds
// it in the cache, and --recalibrate makes it anew; a damaged file is no
// calibration, and the plan says so.
func TestCalibrationCache(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	path := filepath.Join(folder, calibrationFile)
	a, b := runOf(t, "galore"), runOf(t, "galore update_proj_gap=10")
	other := runOf(t, "galore rank=8")
	steps := []struct {
		name     string
		mode     Calibrating
		damage   string
		measured int
		seconds  float64 // of a's set-up afterwards
		note     string
	}{
		{"new", Calibrate, "", 2, 1, ""},
		{"found", Calibrate, "", 0, 1, ""},
		{"anew", Recalibrate, "", 2, 1, ""},
		{"damaged", Calibrate, `{"schema": 1, "entries": {`, 2, 1, "cannot be read"},
		{"of another version", Calibrate, `{"schema": 0, "entries": {"a": 3}}`, 2, 1, ""},
		{"repaired", Calibrate, "", 0, 1, ""},
		{"off", ByArithmetic, "", 0, 0, ""},
	}
	for _, step := range steps {
		if step.damage != "" {
			if err := os.WriteFile(path, []byte(step.damage), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		c, measured := counting(t, folder, step.mode)
		if err := c.calibrate(t.Context(), candidates(a, b, other, a)); err != nil {
			t.Fatal(err)
		}
		if *measured != step.measured {
			t.Errorf("%s: measured %d shapes, want %d", step.name, *measured, step.measured)
		}
		got, ok := c.of(phases(b, 0))
		if ok != (step.seconds > 0) || ok && got[0].SetUp.at(3) != step.seconds {
			t.Errorf("%s: %+v, %v; want %v s", step.name, got, ok, step.seconds)
		}
		if notes := strings.Join(c.notes, "\n"); (step.note == "") != (notes == "") || !strings.Contains(notes, step.note) {
			t.Errorf("%s: notes %q, want %q", step.name, notes, step.note)
		}
	}

	// An entry that makes no sense is measured again, the others stay.
	cache, _ := openCache(folder)
	k := key(machine{CPU: "CPU", ISA: "go", Threads: 1}, shape(a))
	bad := cache.entries[k]
	bad.Pass.Layer = -1
	if err := cache.put(k, bad); err != nil {
		t.Fatal(err)
	}
	c, measured := counting(t, folder, Calibrate)
	if err := c.calibrate(t.Context(), candidates(a, other)); err != nil {
		t.Fatal(err)
	}
	if *measured != 1 || len(c.notes) != 1 || !strings.Contains(c.notes[0], "make no sense") {
		t.Errorf("measured %d, notes %q", *measured, c.notes)
	}
	data, err := os.ReadFile(path)
	if err != nil || !json.Valid(data) || !strings.Contains(string(data), "range_finder") || !strings.Contains(string(data), "hidden_size 128") {
		t.Errorf("the file: %s, %v", data, err)
	}
}

// TestDisturbed: a calibration that was made while another program was at work is
// made again once it is gone; and a plan that is made beside one says so.
func TestDisturbed(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		gemm     float64
		measured int
		note     string
	}{{100, 1, ""}, {110, 0, ""}, {130, 1, ""}, {110, 0, ""}, {91, 0, "at 70 % of the speed"}, {130, 0, ""}} {
		cal, measured := counting(t, folder, Calibrate)
		cal.gemm = c.gemm
		if err := cal.calibrate(t.Context(), candidates(runOf(t, "galore"))); err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(cal.notes, "\n"); *measured != c.measured || (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
			t.Errorf("at a speed of %v: measured %d, want %d; notes %q, want %q", c.gemm, *measured, c.measured, notes, c.note)
		}
	}
	// Where there is no time for a new one the old one serves.
	cal, measured := counting(t, folder, Calibrate)
	cal.gemm = 200
	cal.expect = func(spec.Run) (float64, int64, error) { return 31, 1, nil }
	run := runOf(t, "galore")
	if err := cal.calibrate(t.Context(), candidates(run)); err != nil {
		t.Fatal(err)
	}
	if _, ok := cal.of(phases(run, 0)); !ok || *measured != 0 || len(cal.notes) != 1 || !strings.Contains(cal.notes[0], "slower than now") {
		t.Errorf("known %v, measured %d, notes %q", ok, *measured, cal.notes)
	}
	// A program that came during the measurement shows in the speed after it.
	cal.expect, cal.speed = func(spec.Run) (float64, int64, error) { return 1, 1, nil }, func() float64 { return 50 }
	if err := cal.calibrate(t.Context(), candidates(run)); err != nil || *measured != 1 {
		t.Fatalf("measured %d, %v", *measured, err)
	}
	if cache, _ := openCache(folder); cache.entries[key(cal.machine, shape(run))].Gemm != 50 {
		t.Errorf("%+v", cache.entries)
	}
}

// TestPut: two plans at the same time keep each other's calibrations.
func TestPut(t *testing.T) {
	folder := t.TempDir()
	a, _ := openCache(folder)
	b, _ := openCache(folder)
	for _, put := range []error{
		a.put("one", entry{Calibration: one(1)}), b.put("two", entry{Calibration: one(2)}), b.put("one", entry{Calibration: one(3)}), a.put("three", entry{Calibration: one(4)}),
	} {
		if put != nil {
			t.Fatal(put)
		}
	}
	got, note := openCache(folder)
	for key, want := range map[string]float64{"one": 3, "two": 2, "three": 4} {
		if s := got.entries[key].SetUp.at(1); s != want || note != "" || len(got.entries) != 3 {
			t.Errorf("%s: %v, want %v; %d entries, %q", key, s, want, len(got.entries), note)
		}
	}
}

// TestNotCalibrated: what is too large, too much or fails leaves a rough
// estimate and a note; the end of the context ends it.
func TestNotCalibrated(t *testing.T) {
	a, b := runOf(t, "galore"), runOf(t, "lora")
	for _, c := range []struct {
		name     string
		change   func(*calibrator)
		measured int
		note     string
	}{
		{"too long", func(c *calibrator) {
			c.expect = func(spec.Run) (float64, int64, error) { return 31, 1, nil }
		}, 0, "2 kinds of run are too large"},
		{"too large", func(c *calibrator) { c.limit = 1 << 19 }, 0, "2 kinds of run are too large"},
		{"enough memory", func(c *calibrator) { c.limit = 1 << 20 }, 2, ""},
		{"enough time spent", func(c *calibrator) {
			at := time.Unix(0, 0)
			c.now = func() time.Time { at = at.Add(50 * time.Second); return at }
			c.expect = func(spec.Run) (float64, int64, error) { return 20, 1, nil }
		}, 2, ""},
		{"too much time spent", func(c *calibrator) {
			at := time.Unix(0, 0)
			c.now = func() time.Time { at = at.Add(60 * time.Second); return at }
			c.expect = func(spec.Run) (float64, int64, error) { return 20, 1, nil }
		}, 1, "1 kinds of run were not timed"},
		{"fails", func(c *calibrator) {
			c.probe = func(context.Context, spec.Run) (Calibration, error) { return Calibration{}, errors.New("no luck") }
		}, 0, "no luck"},
		{"makes no sense", func(c *calibrator) {
			c.probe = func(context.Context, spec.Run) (Calibration, error) { return Calibration{}, nil }
		}, 0, "makes no sense"},
	} {
		cal, measured := counting(t, t.TempDir(), Calibrate)
		c.change(cal)
		if err := cal.calibrate(t.Context(), candidates(a, b)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if notes := strings.Join(cal.notes, "\n"); *measured != c.measured || (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: measured %d, want %d; notes %q, want %q", c.name, *measured, c.measured, notes, c.note)
		}
		if _, ok := cal.of(phases(b, 0)); ok != (c.measured == 2) {
			t.Errorf("%s: calibrated %v", c.name, ok)
		}
	}
	// Long runs are worth measurements of two percent of their time.
	cal, measured := counting(t, t.TempDir(), Calibrate)
	cal.expect = func(spec.Run) (float64, int64, error) { return 100, 1, nil }
	if err := cal.calibrate(t.Context(), []candidate{{a, 4000}, {b, 6000}}); err != nil || *measured != 1 {
		t.Errorf("of 4000 s and 6000 s: measured %d within 100 s each, want 1; %v", *measured, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cal, _ = counting(t, t.TempDir(), Calibrate)
	cal.probe = func(context.Context, spec.Run) (Calibration, error) {
		cancel()
		return one(1), nil
	}
	if err := cal.calibrate(ctx, candidates(a)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// TestCalibratedPlan plans a small model with measurements, twice: the second
// time they come from the cache, and a refused run is not measured.
func TestCalibratedPlan(t *testing.T) {
	small := []string{
		"model.hidden_size=64", "model.intermediate_size=96", "model.num_hidden_layers=2", "model.num_attention_heads=2", "model.vocab_size=512",
		"train.max_length=16", "eval.tokens=64",
	}
	e, err := spec.Load("../../experiments/quick.toml", small)
	if err != nil {
		t.Fatal(err)
	}
	e.Runs = e.Runs[:1]
	o := Options{Results: t.TempDir(), Cache: t.TempDir(), Threads: 1, Calibrate: Calibrate}
	o.rate = func(*tensor.Device) Rate { return Rate{Gemm: 1e9} } // of a machine that does nothing else
	var stages []string
	o.Progress = func(stage string, done, total int64) { stages = append(stages, stage) }
	var seconds [2]float64
	for i := range seconds {
		p, err := Make(t.Context(), e, o)
		if err != nil {
			t.Fatal(err)
		}
		cost := p.Items[0].Left
		if seconds[i] = cost.Seconds(); cost.How != record.Calibrated || !(seconds[i] > 0) || cost != p.Items[0].Whole {
			t.Fatalf("%+v, %v", cost, p.Notes)
		}
		if est := p.Items[0].Record(1); est.How != record.Calibrated || est.TotalS != cost.Time.Total() || est.MemoryBytes != p.Items[0].Bytes || est.DiskBytes == 0 {
			t.Errorf("record %+v", est)
		}
	}
	if seconds[0] != seconds[1] || len(stages) != 2 || stages[0] != "calibrating" {
		t.Errorf("%v s; stages %q", seconds, stages)
	}
	o.Memory, o.Cache = 1, t.TempDir()
	p, err := Make(t.Context(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	if it := p.Items[0]; it.Action != Refused || it.Left.How != record.Rough || len(stages) != 2 {
		t.Errorf("%s, %s, stages %q", it.Action, it.Left.How, stages)
	}
}

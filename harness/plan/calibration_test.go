package plan

import (
	"math"
	"testing"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/tensor"
)

func TestThrough(t *testing.T) {
	for _, c := range []struct {
		name         string
		at1, at3     float64
		base, layer  float64
		depth        int
		extrapolated float64
	}{
		{"a line", 3, 5, 2, 1, 12, 14},
		{"through the origin", 2, 6, 0, 2, 10, 20},
		{"noise below the origin", 1, 6, 0, 2, 10, 20},
		{"noise that falls", 5, 4, 4, 0, 10, 4},
	} {
		l := through(1, c.at1, 3, c.at3)
		if l.Base != c.base || l.Layer != c.layer || l.at(c.depth) != c.extrapolated {
			t.Errorf("%s: %+v, %v at %d layers; want %v + %v·L, %v", c.name, l, l.at(c.depth), c.depth, c.base, c.layer, c.extrapolated)
		}
	}
}

// TestCalibrated adds the parts up by hand.
func TestCalibrated(t *testing.T) {
	s := runOf(t, "galore") // 480 updates of 2048 tokens, 4 layers, a refresh every 60, an evaluation every 60
	c := Calibration{
		Pass: Line{1e-6, 2e-6}, Apply: Line{0.1, 0.05}, First: Line{Layer: 3}, Refresh: Line{Layer: 1}, Eval: Line{1e-6, 1e-6}, SetUp: Line{5, 1},
	}
	v := volumeOf(s, 0, 60000, map[memory.Category]int64{memory.Weights: 100e6, memory.OptimizerState: 150e6, memory.Activations: 1e12})
	d := v.calibrated([]Calibration{c})
	refresh := 12 + 7*4.0
	want := record.Durations{
		TrainS: record.Float(480*(2048*9e-6+0.3) + refresh), RefreshS: record.Float(refresh), EvalS: 8 * 60000 * 5e-6,
		CheckpointS: 4*(0.03+1) + 6*0.5, SetupS: 9, // digests after 100, …, 400 and 480 updates, and of the result
	}
	for i, p := range [][2]record.Float{{d.TrainS, want.TrainS}, {d.RefreshS, want.RefreshS}, {d.EvalS, want.EvalS}, {d.CheckpointS, want.CheckpointS}, {d.SetupS, want.SetupS}} {
		if math.Abs(float64(p[0]-p[1])) > 1e-9*float64(p[1]) {
			t.Errorf("part %d: %v s, want %v", i, p[0], p[1])
		}
	}
	// Two phases of different speed.
	r := runOf(t, "relora")
	r.Method.FullRankSteps = 80
	slow := c
	slow.Apply = Line{Base: 1}
	d = volumeOf(r, 0, 0, nil).calibrated([]Calibration{slow, c})
	if want := 80*(2048*9e-6+1) + 400*(2048*9e-6+0.3); math.Abs(float64(d.TrainS)-want) > 1e-9*want {
		t.Errorf("two phases: %v s, want %v", d.TrainS, want)
	}
}

// TestPlausible: lines that fit the operations are believed, and layers that are
// too fast are not.
func TestPlausible(t *testing.T) {
	operations := Line{Base: 150, Layer: 45}
	for _, c := range []struct {
		name      string
		line      Line
		plausible bool
		at12      float64 // of the line that is used
	}{
		{"the same speed", Line{150, 45}, true, 690},
		{"layers a little slower", Line{150, 90}, true, 150 + 12*90},
		{"disturbed when shallow", Line{250, 5}, false, 265.0 / 285 * 690},
		{"no layers at all", Line{300, 0}, false, 300.0 / 285 * 690},
		{"disturbed when deep, or a tiny model", Line{50, 145}, false, 50 + 12*145},
		{"nothing but layers", Line{0, 90}, false, 12 * 90},
	} {
		if got := c.line.plausible(operations); got != c.plausible {
			t.Errorf("%s: plausible %v", c.name, got)
		}
		if got := c.line.atLeast(operations).at(12); math.Abs(got-c.at12) > 1e-9*c.at12 {
			t.Errorf("%s: %v at 12 layers, want %v", c.name, got, c.at12)
		}
	}
}

// TestLeast: the two smallest samples are kept, and two that agree are believed.
func TestLeast(t *testing.T) {
	var l least
	for _, c := range []struct {
		sample, first, second float64
		sure                  bool
	}{{5, 5, 0, false}, {0, 5, 0, false}, {3, 3, 5, false}, {-1, 3, 5, false}, {math.NaN(), 3, 5, false}, {4, 3, 4, false}, {9, 3, 4, false}, {3.02, 3, 3.02, true}, {2, 2, 3, false}} {
		l.keep(c.sample)
		if l.first != c.first || l.second != c.second || l.sure() != c.sure {
			t.Errorf("after %v: %+v, sure %v", c.sample, l, l.sure())
		}
	}
}

// TestProbe calibrates tiny models of every kind: all figures are finite, and
// only GaLore has refreshes.
func TestProbe(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	for _, label := range []string{"adamw", "lowrank", "lora", "relora", "galore"} {
		s := runOf(t, label)
		s.Model.HiddenSize, s.Model.IntermediateSize, s.Model.VocabSize, s.Train.MaxLength = 16, 24, 64, 16
		if s.Method.Rank > 0 {
			s.Method.Rank = 4
		}
		runs := []spec.Run{s}
		if label == "relora" {
			s.Method.FullRankSteps = 10
			runs = append(runs, s)
		}
		for _, s := range runs {
			c, err := prober{d, time.Now}.probe(t.Context(), shape(s))
			if err != nil || !c.valid() {
				t.Fatalf("%s: %+v, %v", label, c, err)
			}
			if refreshes := c.First.at(1) > 0 && c.Refresh.at(1) > 0; refreshes != (label == "galore") {
				t.Errorf("%s: refreshes %+v, %+v", label, c.First, c.Refresh)
			}
			total := float64(volumeOf(s, 0, 1000, nil).calibrated([]Calibration{c, c}).Total())
			if !(total > 0) || math.IsInf(total, 0) {
				t.Errorf("%s: %v s", label, total)
			}
		}
	}
}

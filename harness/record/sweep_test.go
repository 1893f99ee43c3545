package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSweepFile(t *testing.T) {
	root := t.TempDir()
	if _, err := ReadSweep(root, "quick"); err == nil || !strings.Contains(err.Error(), "holds none yet") {
		t.Errorf("an empty folder: %v", err)
	}
	want := Sweep{
		Schema: Schema, Experiment: "quick", Title: "Quick", DataDigest: "d", Overrides: []string{"train.steps=4"},
		Runs:      []SweepRun{{ID: id, Label: "GaLore", Variant: "galore", Axes: map[string]any{"rank": 32.0}, Seed: 1}},
		Baselines: []Baseline{{Name: "unigram", Loss: 6, PPL: 403, BitsPerByte: 3}},
	}
	must(t, WriteSweep(root, want))
	got, err := ReadSweep(root, "quick")
	must(t, err)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("sweep (-want +got):\n%s", d)
	}
	if _, err := ReadSweep(root, "quik"); err == nil || !strings.Contains(err.Error(), "there are: quick") {
		t.Errorf("an unknown experiment: %v", err)
	}
}

// TestPublish commits a sweep and reads it back from the copy alone.
func TestPublish(t *testing.T) {
	root := t.TempDir()
	must(t, WriteSweep(root, Sweep{Experiment: "quick", Runs: []SweepRun{{ID: id, Label: "GaLore", Variant: "galore"}}}),
		AddOrigin(root, id, "n", Origin{Experiment: "quick", Variant: "galore"}))
	if _, err := Publish(root, "quick"); err == nil || !strings.Contains(err.Error(), "GaLore") {
		t.Errorf("an unfinished sweep was published: %v", err)
	}
	w := open(t, root)
	must(t, os.MkdirAll(filepath.Join(w.Dir(), "ckpt"), 0o777), w.Train(TrainRow{Step: 1, Loss: 2}), w.Summary(Summary{ID: id, State: Done}), w.Close())
	if n, err := Publish(root, "quick"); err != nil || n != 1 {
		t.Fatalf("published %d runs, %v", n, err)
	}
	must(t, os.RemoveAll(filepath.Join(root, "runs")), os.RemoveAll(filepath.Join(root, "sweeps")))

	s, err := ReadSweep(root, "quick")
	must(t, err)
	runs, err := List(root)
	must(t, err)
	r, err := Find(runs, s.Runs[0].ID)
	must(t, err)
	m, err := r.Metrics()
	must(t, err)
	if !r.Reference || r.State() != Done || len(m.Train) != 1 || len(r.Origins) != 1 {
		t.Errorf("run %+v with %d rows", r, len(m.Train))
	}
	entries, err := os.ReadDir(r.Dir)
	must(t, err)
	for _, e := range entries {
		if e.IsDir() || e.Name() == lockFile {
			t.Errorf("%s was published", e.Name())
		}
	}
	if n, err := Publish(root, "quick"); err != nil || n != 0 {
		t.Errorf("publishing what is published: %d runs, %v", n, err)
	}
}

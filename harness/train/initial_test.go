package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/tensor"
)

// exported writes the weights of a finished run in Hugging Face's format.
func exported(t *testing.T, r result, s spec.Run, p tensor.Precision) string {
	t.Helper()
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	stored, err := Open(s, filepath.Join(r.run.Dir, "ckpt"), -1, d)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Step != r.summary.Steps || len(stored.Notes) > 0 {
		t.Errorf("opened step %d, notes %q", stored.Step, stored.Notes)
	}
	dir := t.TempDir()
	if err := stored.Model.WriteHF(dir, models.HFOptions{MaxLength: s.Train.MaxLength, Weights: p}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// evaluated returns the loss of a folder's weights on the evaluation set of s.
func evaluated(t *testing.T, dir string, s spec.Run, set *corpus.Set) record.EvalRow {
	t.Helper()
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	w, err := models.OpenHF(dir, s.Model.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	row, err := Evaluate(s, w, set, d)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// TestExportedLoss: of every method, the weights that a run leaves evaluate as its
// record says: to the bit where nothing is merged, and up to the rounding of one
// product where factors are.
func TestExportedLoss(t *testing.T) {
	set, base := tiny(t)
	for name, change := range variants() {
		t.Run(name, func(t *testing.T) {
			s := base
			change(&s)
			r := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
			row := evaluated(t, exported(t, r, s, tensor.Precision{}), s, set)
			got, want := float64(row.Loss), float64(r.summary.Final.Loss)
			merged := slices.Contains([]string{"lora", "relora", "lowrank"}, s.Method.Kind)
			if merged && math.Abs(got-want) > 1e-5 || !merged && got != want {
				t.Errorf("loss %v, in the record %v", got, want)
			}
			if row.Targets != r.summary.Final.Targets || row.Targets == 0 {
				t.Errorf("%d targets, in the record %d", row.Targets, r.summary.Final.Targets)
			}
		})
	}
}

// start returns the model with which a run begins.
func start(t *testing.T, s spec.Run) *models.Llama {
	t.Helper()
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	t.Cleanup(d.Close)
	r, err := assembleFresh(s, d, memory.New())
	if err != nil {
		t.Fatal(err)
	}
	return r.model
}

// values returns a parameter in float32.
func values(m *models.Llama, name string) []float32 {
	for _, p := range m.Params() {
		if p.Name == name {
			m.Open(p)
			v := slices.Clone(p.W.Data)
			m.Close(p, tensor.Rounding{})
			return v
		}
	}
	return nil
}

// TestInitFrom: a run of every method starts from the imported weights; what its
// method adds is drawn as ever.
func TestInitFrom(t *testing.T) {
	set, base := tiny(t)
	s := base
	variants()["adamw"](&s)
	dir := exported(t, mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}), s, tensor.Precision{})
	s.Init.From = dir
	imported := start(t, s)
	for name, change := range variants() {
		t.Run(name, func(t *testing.T) {
			drawn := base
			change(&drawn)
			if drawn.Method.Kind == "lowrank" {
				drawn.Method.Init, drawn.Method.Rank = "spectral", 16 // the whole weight: the product is exact up to rounding
			}
			s := drawn
			s.Init.From = dir
			m, other := start(t, s), start(t, drawn)
			for _, p := range m.Params() {
				got, want := values(m, p.Name), values(imported, p.Name)
				switch {
				case p.Adapter || want == nil && s.Method.Kind != "lowrank":
					if !slices.Equal(got, values(other, p.Name)) {
						t.Errorf("%s is not drawn as without imported weights", p.Name)
					}
				case want == nil: // a factor: see below
				case s.Train.Dtype == spec.BFloat16, s.Train.Dtype == spec.BFloat16Stochastic:
					for i := range got {
						if math.Abs(float64(got[i]-want[i])) > math.Abs(float64(want[i]))/256 {
							t.Fatalf("%s: %v was imported as %v", p.Name, want[i], got[i])
						}
					}
				case !slices.Equal(got, want):
					t.Errorf("%s is not what was imported", p.Name)
				}
			}
			if s.Method.Kind == "lowrank" {
				for _, x := range m.Dense(tensor.Precision{}) {
					want := values(imported, x.Name)
					for i, v := range x.Values().Float32 {
						if math.Abs(float64(v-want[i])) > 1e-5 {
							t.Fatalf("%s: the product of the factors has %v for %v", x.Name, v, want[i])
						}
					}
				}
			}
		})
	}
}

// TestTrainFromImported: a run from imported weights is a run: its id is of their
// content, its record names it, and an interruption changes no bit, although the
// folder could not be imported again.
func TestTrainFromImported(t *testing.T) {
	set, base := tiny(t)
	s := base
	variants()["adamw"](&s)
	first := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	dir := exported(t, first, s, tensor.Precision{})

	s.Init.From = dir
	s.Train.LogEvery = 1
	want := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	digest, err := InitDigest(s)
	if err != nil || len(digest) != 64 {
		t.Fatalf("digest %q, %v", digest, err)
	}
	if p := want.run.Provenance; p == nil || p.InitDigest != digest {
		t.Errorf("provenance %+v lacks %s", p, digest)
	}
	if want.summary.ID == first.summary.ID || want.summary.NumbersID == first.summary.NumbersID {
		t.Error("the id does not know of the imported weights")
	}
	// The first training loss is of trained weights.
	if a, b := want.rows(t).Train[0].Loss, first.rows(t).Train[0].Loss; a > b-0.1 {
		t.Errorf("the first loss is %v, of drawn weights %v", a, b)
	}

	// Elsewhere the same weights are the same run.
	elsewhere := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 2}
	o.Spec.Init.From = elsewhere
	ctx, cancel := context.WithCancel(t.Context())
	o.Messages = func(m Message) {
		if m.Phase == "train" && m.Step >= 5 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	o.Messages = nil
	got := mustTrain(t, o)
	got.mustEqual(t, "interrupted, from a copy", want)
	if got.summary.ID != want.summary.ID {
		t.Error("another path is another id")
	}

	// Other values are another run.
	if err := os.Remove(filepath.Join(elsewhere, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := InitDigest(o.Spec); err == nil || !strings.Contains(err.Error(), "init.from: "+elsewhere) {
		t.Errorf("without weights: %v", err)
	}
	if _, err := Run(t.Context(), Options{Spec: o.Spec, Data: set, Results: t.TempDir()}); err == nil {
		t.Error("a run started from weights that are not there")
	}
	o.Spec.Init.From = exported(t, want, s, tensor.Precision{})
	if other, err := InitDigest(o.Spec); err != nil || other == digest {
		t.Errorf("digest %s of other weights, %v", other, err)
	}
}

// TestOpen: the newest sound checkpoint, or that of a step, and nothing changes
// on disk.
func TestOpen(t *testing.T) {
	set, s := tiny(t)
	variants()["relora"](&s) // merges after 8 of its updates; adapters take part from the fifth on
	s.Train.CheckpointEvery = 3
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
	ctx, cancel := context.WithCancel(t.Context())
	o.Messages = func(m Message) {
		if m.Phase == "train" && m.Step >= 7 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	dir := filepath.Join(record.Dir(o.Results, s.RunID(Digests(set))), "ckpt")
	before, err := checkpoints(dir)
	if err != nil || len(before) != 2 {
		t.Fatalf("%v, %v", before, err)
	}
	for step, want := range map[int]int{-1: 7, 7: 7, 6: 6} {
		stored, err := Open(s, dir, step, d)
		if err != nil || stored.Step != want {
			t.Fatalf("step %d: opened %+v, %v", step, stored, err)
		}
	}
	if _, err := Open(s, dir, 5, d); err == nil || !strings.Contains(err.Error(), "no checkpoint of step 5") || !strings.Contains(err.Error(), before[0]) {
		t.Errorf("step 5: %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, before[0], modelFile), 1000); err != nil {
		t.Fatal(err)
	}
	stored, err := Open(s, dir, -1, d)
	if err != nil || stored.Step != 6 || len(stored.Notes) != 1 || !strings.Contains(stored.Notes[0], before[0]) {
		t.Errorf("after damage: %+v, %v", stored, err)
	}
	if after, _ := checkpoints(dir); !slices.Equal(after, before) {
		t.Errorf("checkpoints were %q, are %q", before, after)
	}
	if _, err := Open(s, dir, 7, d); err == nil || !strings.Contains(err.Error(), before[0]+" is damaged") {
		t.Errorf("the damaged one by its step: %v", err)
	}
	if _, err := Open(s, t.TempDir(), -1, d); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("no checkpoint: %v", err)
	}
	// In the warm start the adapters are no part of the model.
	s.Train.CheckpointEvery = 1
	early := o
	early.Spec, early.Results = s, t.TempDir()
	ctx, cancel = context.WithCancel(t.Context())
	early.Messages = func(m Message) {
		if m.Phase == "train" && m.Step >= 3 {
			cancel()
		}
	}
	if _, err := Run(ctx, early); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	stored, err = Open(s, filepath.Join(record.Dir(early.Results, s.RunID(Digests(set))), "ckpt"), 3, d)
	if err != nil {
		t.Fatal(err)
	}
	l := stored.Model.Linears()[0]
	for _, x := range stored.Model.Dense(tensor.Precision{}) {
		if x.Name == l.Weight.Name && !slices.Equal(x.Values().Float32, l.Weight.W.Data) {
			t.Error("an adapter of the warm start was merged")
		}
	}
}

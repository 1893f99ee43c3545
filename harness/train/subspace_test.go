package train

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/tensor"
)

// looking asks a run for diagnostics.
func looking(s spec.Run) spec.Run {
	s.Diagnostics = spec.Diagnostics{Subspace: true, After: []int{1, 2}, NthRefresh: 1}
	return s
}

// subspaceFile returns the bytes of subspace.jsonl.
func (r result) subspaceFile(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.run.Dir, "subspace.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// looked are the runs that are looked at, by name.
func looked() map[string]func(*spec.Run) {
	v := variants()
	all := map[string]func(*spec.Run){}
	for _, name := range []string{"galore", "galore-adafactor", "galore-8bit", "galore-bfloat16-stochastic"} {
		all[name] = v[name]
	}
	all["accumulation"] = func(s *spec.Run) {
		v["galore"](s)
		s.Train.BatchSize, s.Train.GradClipping, s.Method.ProjType = 1, 0.5, "full"
	}
	all["l2"] = func(s *spec.Run) {
		v["galore-bfloat16-stochastic"](s)
		s.Method.Decay, s.Method.WeightDecay, s.Method.Projector = "l2", 0.1, "svd"
	}
	all["stiefel, rotated"] = func(s *spec.Run) {
		v["galore"](s)
		s.Method.Projector, s.Method.Moments, s.Method.ProjType = "stiefel", "rotate", "full"
	}
	all["gaussian, reset"] = func(s *spec.Run) {
		v["galore"](s)
		s.Method.Projector, s.Method.Moments, s.Method.ResetStep = "gaussian", "reset", true
	}
	all["int4"] = func(s *spec.Run) {
		v["galore"](s)
		s.Method.ProjectorDtype, s.Method.Moments = "int4", "rotate"
	}
	return all
}

// TestRandomBasesAreAtChance: what a random basis captures is r/d on average,
// whether or not it is orthonormal, and nobody asks two halves of a batch for it.
func TestRandomBasesAreAtChance(t *testing.T) {
	set, base := tiny(t)
	for _, projector := range []string{"stiefel", "gaussian", "coordinate"} {
		s := looking(base)
		variants()["galore"](&s)
		s.Method.Projector, s.Method.UpdateProjGap = projector, 1
		rows, err := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()}).run.Subspace()
		if err != nil {
			t.Fatal(err)
		}
		var captured, overlap float64
		n := 0.0
		for _, row := range rows {
			if row.SplitOverlap.Finite() {
				t.Errorf("%s: two halves of a batch have bases: %+v", projector, row)
			}
			if row.Step > 1 {
				captured, overlap, n = captured+float64(row.Captured), overlap+float64(row.Overlap), n+1
			}
		}
		if c, o := captured/n, overlap/n; !(c > 0.18 && c < 0.32 && o > 0.2 && o < 0.3) {
			t.Errorf("%s: captured %v, overlap %v; by chance 0.25", projector, c, o)
		}
	}
}

// TestLookingChangesNothing: losses, weights and states are those of a run that
// nobody looks at, and so is the memory apart from scratch. What is seen has the
// same bits on any number of threads, with either sink, and in a run that was
// interrupted between two refreshes, at one, and after it.
func TestLookingChangesNothing(t *testing.T) {
	set, base := tiny(t)
	for name, change := range looked() {
		t.Run(name, func(t *testing.T) {
			s := base
			change(&s)
			s.Method.Name = name
			o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
			blind := mustTrain(t, o)
			if _, err := os.Stat(filepath.Join(blind.run.Dir, "subspace.jsonl")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a run that nobody looks at has rows of subspaces: %v", err)
			}
			o.Spec, o.Results = looking(s), t.TempDir()
			want := mustTrain(t, o)
			want.mustEqual(t, "looked at", blind)
			if want.summary.ID == blind.summary.ID || want.summary.NumbersID != blind.summary.NumbersID {
				t.Error("looking is another run with the same numbers")
			}
			if !maps.Equal(want.memory.Predicted, want.memory.Registered) {
				t.Errorf("predicted %v, registered %v", want.memory.Predicted, want.memory.Registered)
			}
			for c, n := range want.memory.Registered {
				if more := n - blind.memory.Registered[c]; more != 0 && c != memory.Scratch || more <= 0 && c == memory.Scratch {
					t.Errorf("looking takes %d bytes of %s", more, c)
				}
			}
			if d := want.summary.Time; !(d.DiagnosticsS > 0) || blind.summary.Time.DiagnosticsS != 0 {
				t.Errorf("%v s of diagnostics", d.DiagnosticsS)
			}
			seen := want.subspaceFile(t)
			equal := func(what string, o Options) {
				t.Helper()
				got := mustTrain(t, o)
				got.mustEqual(t, what, want)
				if !bytes.Equal(got.subspaceFile(t), seen) {
					t.Errorf("%s: other subspaces:\n%s\n%s", what, got.subspaceFile(t), seen)
				}
			}
			threads := o
			threads.Results, threads.Threads = t.TempDir(), 3
			equal("3 threads", threads)
			if s.Train.BatchSize == s.Train.TotalBatchSize {
				layerwise := o
				layerwise.Results, layerwise.Spec.Train.Layerwise = t.TempDir(), true
				equal("layer-wise", layerwise)
			}
			for _, isa := range tensor.Supported() {
				if isa != tensor.Go || name == "galore" {
					kernels := o
					kernels.Results, kernels.ISA = t.TempDir(), isa
					equal(isa.String(), kernels)
				}
			}
			stopped := o
			stopped.Results = t.TempDir()
			for _, at := range []int{3, 4, 5, 7} {
				ctx, cancel := context.WithCancel(t.Context())
				stopped.Messages = func(m Message) {
					if m.Phase == "train" && m.Step >= at {
						cancel()
					}
				}
				if _, err := train(t, ctx, stopped); !errors.Is(err, ErrStopped) {
					t.Fatalf("interrupted at %d: %v", at, err)
				}
			}
			stopped.Messages = nil
			equal("interrupted", stopped)
		})
	}
}

// TestSubspaceRows: a refresh has a row per basis that says everything, later
// updates the energy; numbers are where they can be.
func TestSubspaceRows(t *testing.T) {
	set, s := tiny(t)
	variants()["galore"](&s)
	r := mustTrain(t, Options{Spec: looking(s), Data: set, Results: t.TempDir()})
	rows, err := r.run.Subspace()
	if err != nil {
		t.Fatal(err)
	}
	byStep := map[int][]record.SubspaceRow{}
	for _, row := range rows {
		byStep[row.Step] = append(byStep[row.Step], row)
	}
	// Refreshes in the updates 0, 4 and 8; then 1, 2 and 3 updates later.
	if got, want := slices.Sorted(maps.Keys(byStep)), []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(got, want) {
		t.Errorf("rows of the steps %v", got)
	}
	sum, last := 0.0, 0.0
	for step, rows := range byStep {
		if len(rows) != 2*7 {
			t.Errorf("step %d has %d rows, want one for each of 14 weights", step, len(rows))
		}
		for _, row := range rows {
			in := func(what string, v record.Float, low, high float64) {
				if !(float64(v) >= low && float64(v) <= high) {
					t.Errorf("%+v: %s", row, what)
				}
			}
			if row.After != (step-1)%4 || row.Rank != 4 || row.Dim != 16 || row.Side != map[bool]string{true: "left", false: "right"}[row.Module == "down_proj"] {
				t.Errorf("%+v", row)
			}
			in("captured", row.Captured, 0, 1)
			if row.After > 0 {
				if row.Overlap.Finite() || row.Residual.Finite() {
					t.Errorf("between refreshes: %+v", row)
				}
				if row.After == 3 {
					last += float64(row.Captured)
				}
				continue
			}
			sum += float64(row.Captured)
			in("captured by a good basis", row.Captured, row.Chance(), float64(row.CapturedBest)+1e-5)
			in("split_overlap", row.SplitOverlap, 1e-3, 1)
			in("effective_rank", row.EffectiveRank, 1, 16)
			in("stable_rank", row.StableRank, 1, float64(row.EffectiveRank))
			in("orthogonality", row.Orthogonality, 0, 1e-4)
			in("residual", row.Residual, 0, 1)
			if row.Overlap.Finite() != (step > 1) || row.Retention.Finite() != (step > 1) {
				t.Errorf("%+v", row)
			}
			if step > 1 {
				in("overlap", row.Overlap, 0, 1.00001)
				in("retention", row.Retention, 0, 1.00001)
				in("staleness", row.Staleness, 0, 2)
				in("captured_old", row.CapturedOld, 0, float64(row.CapturedBest)+1e-5)
			}
		}
	}
	if !(last < sum) {
		t.Errorf("bases capture %v of the gradients that they were made of, and %v of later ones", sum, last)
	}
}

// TestPredictLooking: what is allocated for diagnostics is what was predicted,
// however the run executes.
func TestPredictLooking(t *testing.T) {
	_, base := tiny(t)
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	for name, change := range looked() {
		for _, layerwise := range []bool{false, true} {
			s := looking(base)
			change(&s)
			if s.Train.Layerwise = layerwise; layerwise && s.Train.BatchSize < s.Train.TotalBatchSize {
				continue
			}
			real, predicted := memory.New(), memory.Predict()
			for _, l := range []*memory.Ledger{real, predicted} {
				if _, err := assemble(s, d, l, 0); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(real.Entries(), predicted.Entries()) || real.Total() != predicted.Total() {
				t.Errorf("%s: registered %v, predicted %v", name, real.Entries(), predicted.Entries())
			}
		}
	}
}

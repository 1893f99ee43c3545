package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/tensor"
)

// wide returns a run whose shapes split over seven workers and whose sums are
// longer than a K block of the matrix product: 416 features, and 448 tokens in
// the gradient of a weight. It crosses three refreshes and merges.
func wide(t testing.TB) (*corpus.Set, spec.Run) {
	set, s := tiny(t)
	s.Model.HiddenSize, s.Model.IntermediateSize, s.Model.NumAttentionHeads = 64, 416, 4
	s.Train.Steps, s.Train.WarmupSteps = 24, 4
	s.Train.TotalBatchSize, s.Train.BatchSize, s.Train.MaxLength = 8, 8, 56
	s.Eval.Every = 12
	return set, s
}

// wideVariants are the methods of [variants] with a clock that fits 24 updates.
func wideVariants() map[string]func(*spec.Run) {
	all := variants()
	for name, change := range all {
		all[name] = func(s *spec.Run) {
			change(s)
			s.Method.Name = name
			if s.Method.Rank > 0 {
				s.Method.Rank = 24
			}
			switch s.Method.Kind {
			case "galore":
				s.Method.UpdateProjGap = 7
			case "relora":
				s.Method.MergeEvery, s.Method.CycleLength, s.Method.FullRankSteps = 5, 5, 4
			}
		}
	}
	return all
}

// TestSameBitsWide trains every method on 1, 2, 3 and 7 threads, on every
// vector unit, with both sinks, with activation checkpointing and without: every
// loss, weight and state has the same bits.
func TestSameBitsWide(t *testing.T) {
	set, base := wide(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for name, change := range wideVariants() {
		t.Run(name, func(t *testing.T) {
			s := base
			change(&s)
			run := func(threads int, isa tensor.ISA, layerwise bool) result {
				runtime.GOMAXPROCS(threads)
				o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: threads, ISA: isa}
				o.Spec.Train.Layerwise = layerwise
				return mustTrain(t, o)
			}
			want := run(1, tensor.Auto, false)
			for _, threads := range []int{2, 3, 7} {
				run(threads, tensor.Auto, false).mustEqual(t, fmt.Sprint(threads, " threads"), want)
			}
			run(2, tensor.Auto, true).mustEqual(t, "layer-wise", want)
			s.Train.ActivationCheckpointing = true
			run(2, tensor.Auto, false).mustEqual(t, "activation checkpointing", want)
			run(3, tensor.Auto, true).mustEqual(t, "layer-wise, activation checkpointing", want)
			s.Train.ActivationCheckpointing = false
			for _, isa := range tensor.Supported() {
				t.Run(isa.String(), func(t *testing.T) {
					if isa == tensor.Go && os.Getenv("RANKLAB_FULL") == "" {
						t.Skip("minutes: the pure-Go kernels emulate the fused multiply-add; RANKLAB_FULL=1 runs them")
					}
					run(7, isa, false).mustEqual(t, isa.String(), want)
				})
			}
		})
	}
}

var update = flag.Bool("update", false, "write testdata/golden.json anew")

// A goldenFile holds what the runs of [wideVariants] end with.
type goldenFile struct {
	NumericsVersion int                  `json:"numerics_version"`
	Runs            map[string]goldenRun `json:"runs"`
}

type goldenRun struct {
	Metrics string `json:"metrics_sha256"` // every loss of the run
	State   string `json:"state_digest"`   // every weight and state at its end
}

// TestGoldenRun: the numbers of whole runs are those that this
// numerics_version stands for.
func TestGoldenRun(t *testing.T) {
	const path = "testdata/golden.json"
	set, base := wide(t)
	got := goldenFile{spec.NumericsVersion, map[string]goldenRun{}}
	for name, change := range wideVariants() {
		s := base
		change(&s)
		r := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()})
		sum := sha256.Sum256(r.metrics)
		got.Runs[name] = goldenRun{hex.EncodeToString(sum[:]), r.summary.StateDigest}
	}
	if *update {
		data, err := json.MarshalIndent(got, "", "  ")
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o777)
		}
		if err == nil {
			err = os.WriteFile(path, append(data, '\n'), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want goldenFile
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if want.NumericsVersion != got.NumericsVersion {
		t.Fatalf("%s is of numerics_version %d, the program is of %d: go test ./harness/train -run GoldenRun -update", path, want.NumericsVersion, got.NumericsVersion)
	}
	for _, name := range slices.Sorted(maps.Keys(got.Runs)) {
		if got.Runs[name] != want.Runs[name] {
			t.Errorf("%s: the numbers of a run have changed. If that is meant, raise spec.NumericsVersion, write %s anew with -update, and train the committed results again or label them\n got %+v\nwant %+v", name, path, got.Runs[name], want.Runs[name])
		}
	}
}

package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/golden"
	"ranklab/harness/spec"
	"ranklab/tensor"
)

// wide is [tiny] with the shapes of [golden.Widen].
func wide(t testing.TB) (*corpus.Set, spec.Run) {
	t.Helper()
	set, s := tiny(t)
	golden.Widen(&s)
	return set, s
}

// wideVariants are the methods of [variants] for the wide run.
func wideVariants() map[string]func(*spec.Run) { return golden.WideVariants() }

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

var update = flag.Bool("update", false, "write harness/golden/golden.json anew")

// TestGoldenRun: the numbers of whole runs are those that this
// numerics_version stands for.
func TestGoldenRun(t *testing.T) {
	const path = "../golden/golden.json"
	got := golden.File{NumericsVersion: spec.NumericsVersion}
	sums := func(set *corpus.Set, base spec.Run, variants map[string]func(*spec.Run)) map[string]golden.Sums {
		all := map[string]golden.Sums{}
		for name, change := range variants {
			s := base
			change(&s)
			r := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()})
			sum := sha256.Sum256(r.metrics)
			all[name] = golden.Sums{Metrics: hex.EncodeToString(sum[:]), State: r.summary.StateDigest}
		}
		return all
	}
	set, base := wide(t)
	got.Wide = sums(set, base, wideVariants())
	set, base = tiny(t)
	got.Tiny = sums(set, base, variants())
	set, base = tinyUneven(t)
	got.Protocols = sums(set, base, golden.Protocols())
	if *update {
		data, err := json.MarshalIndent(got, "", "  ")
		if err == nil {
			err = os.WriteFile(path, append(data, '\n'), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := golden.Known()
	if err != nil {
		t.Fatal(err)
	}
	if want.NumericsVersion != got.NumericsVersion {
		t.Fatalf("%s is of numerics_version %d, the program is of %d: go test ./harness/train -run GoldenRun -update", path, want.NumericsVersion, got.NumericsVersion)
	}
	for _, size := range []struct {
		name      string
		got, want map[string]golden.Sums
	}{{"wide", got.Wide, want.Wide}, {"tiny", got.Tiny, want.Tiny}, {"protocol", got.Protocols, want.Protocols}} {
		for _, name := range slices.Sorted(maps.Keys(size.got)) {
			if size.got[name] != size.want[name] {
				t.Errorf("%s, %s: the numbers of a run have changed, or it is new. If that is meant, raise spec.NumericsVersion unless it is new, write %s anew with -update, and train the committed results again or label them\n got %+v\nwant %+v", name, size.name, path, size.got[name], size.want[name])
			}
		}
		if len(size.got) != len(size.want) {
			t.Errorf("%s: %d %s runs are known, %d were trained", path, len(size.want), size.name, len(size.got))
		}
	}
}

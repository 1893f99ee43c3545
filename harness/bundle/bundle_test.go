package bundle_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/bundle"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/internal/safetensors"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// updates is the length of the bundles under test: with two refreshes after the
// first, and after a warm start a merge and a reset.
const updates = 8

// options returns those of a bundle of one run of testdata/runs.toml.
func options(t *testing.T, name string) bundle.Options {
	t.Helper()
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	if err := os.Mkdir(text, 0o777); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields("the rank of a matrix is what remains when noise has gone and so we project gradient onto basis vectors func return var range if")
	key := random.New(5).Stream("text")
	for doc := range 40 {
		var b strings.Builder
		for i := range 120 {
			fmt.Fprintf(&b, "%s ", words[key.Below(uint64(120*doc+i), len(words))])
		}
		if err := os.WriteFile(filepath.Join(text, fmt.Sprintf("%02d.txt", doc)), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	x, err := spec.LoadFS(os.DirFS("testdata"), "runs.toml", []string{fmt.Sprintf("data.paths=[%q]", text)})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(x.Runs, func(i spec.Instance) bool { return i.Label == name })
	if i < 0 {
		t.Fatalf("testdata/runs.toml has no run %q", name)
	}
	s := x.Runs[i].Run
	set, err := corpus.Prepare(t.Context(), corpus.Options{
		Source: s.Data.Source, Paths: s.Data.Paths, ValFraction: s.Data.ValFraction, Packing: s.Data.Packing, Tokenizer: s.Data.Tokenizer,
		VocabSize: s.Model.VocabSize, CacheDir: filepath.Join(folder, "cache"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return bundle.Options{Spec: s, Data: set, Dir: filepath.Join(folder, "out", "bundle"), Steps: updates, Gradients: true, Threads: 1}
}

// A stored bundle.
type stored struct {
	bundle.Manifest
	dir   string
	trace []bundle.Row
}

// write writes a bundle and reads it back.
func write(t *testing.T, o bundle.Options) stored {
	t.Helper()
	if _, err := bundle.Write(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	b := stored{dir: o.Dir}
	data := readFile(t, filepath.Join(o.Dir, bundle.ManifestFile))
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b.Manifest); err != nil {
		t.Fatal(err)
	}
	rows := json.NewDecoder(bytes.NewReader(readFile(t, filepath.Join(o.Dir, bundle.TraceFile))))
	for rows.More() {
		var row bundle.Row
		if err := rows.Decode(&row); err != nil {
			t.Fatal(err)
		}
		b.trace = append(b.trace, row)
	}
	return b
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// open opens one of the bundle's files.
func (b stored) open(t *testing.T, name string) *safetensors.File {
	t.Helper()
	return open(t, filepath.Join(b.dir, name))
}

func open(t *testing.T, path string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// raw returns the bytes of a tensor.
func raw(t *testing.T, f *safetensors.File, name string) []byte {
	t.Helper()
	info, ok := f.Info(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	data := make([]byte, info.Elements()*info.DType.Size())
	if err := f.Bytes(name, data); err != nil {
		t.Fatal(err)
	}
	return data
}

// floats returns the values of an F32 or BF16 tensor as a matrix.
func floats(t *testing.T, f *safetensors.File, name string) tensor.Matrix {
	t.Helper()
	info, ok := f.Info(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	x := make([]float32, info.Elements())
	if err := f.Float32(name, x); err != nil {
		t.Fatal(err)
	}
	rows, cols := 1, info.Elements()
	if len(info.Shape) == 2 {
		rows, cols = info.Shape[0], info.Shape[1]
	}
	return tensor.Of(x, rows, cols)
}

func ints(t *testing.T, f *safetensors.File, name string, want ...int) []int32 {
	t.Helper()
	info, _ := f.Info(name)
	if !slices.Equal(info.Shape, want) {
		t.Fatalf("%s has shape %v, want %v", name, info.Shape, want)
	}
	x := make([]int32, info.Elements())
	if err := f.Int32(name, x); err != nil {
		t.Fatal(err)
	}
	return x
}

var names = []string{"adamw", "lowrank", "lora", "relora", "galore", "galore8bit", "stiefel", "gaussian"}

// TestBundle holds every bundle to what the run would be without it.
func TestBundle(t *testing.T) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			o := options(t, name)
			b := write(t, o)
			checkFiles(t, b)
			checkSteps(t, b, o.Spec)
			checkEstimate(t, b, o)
			checkFirstBatch(t, b, o.Spec)
			checkEnd(t, b, o)
		})
	}
}

// checkFiles: the folder holds what the manifest lists, with these digests, and
// nothing else; and nothing is left beside it.
func checkFiles(t *testing.T, b stored) {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	found := []string{}
	for _, e := range entries {
		if e.Name() == bundle.ManifestFile {
			continue
		}
		found = append(found, e.Name())
		data := readFile(t, filepath.Join(b.dir, e.Name()))
		sum := sha256.Sum256(data)
		if f := b.Files[e.Name()]; f.Bytes != int64(len(data)) || f.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %d bytes, digest %x; the manifest has %+v", e.Name(), len(data), sum, f)
		}
	}
	want := []string{
		bundle.BatchesFile, bundle.FinalFile, bundle.GradientsFile, bundle.InitFile, bundle.ProjectorsFile, bundle.RandomFile,
		bundle.SpecFile, bundle.StateFile, bundle.TraceFile,
	}
	if !slices.Equal(found, want) || len(b.Files) != len(want) {
		t.Errorf("files %q and a manifest of %d, want %q", found, len(b.Files), want)
	}
	if beside, err := os.ReadDir(filepath.Dir(b.dir)); err != nil || len(beside) != 1 {
		t.Errorf("left beside the bundle: %v, %v", beside, err)
	}
}

// checkSteps: every update is described, with the rates of its schedule and the
// targets of its batch.
func checkSteps(t *testing.T, b stored, s spec.Run) {
	if b.Format != bundle.Format || b.Version != bundle.Version || b.Updates != updates || b.Planned != s.Train.Steps || !b.Replayable {
		t.Errorf("format %q version %d, %d of %d updates, replayable %v", b.Format, b.Version, b.Updates, b.Planned, b.Replayable)
	}
	if len(b.Steps) != updates || len(b.trace) != updates {
		t.Fatalf("%d steps and %d rows of the trace", len(b.Steps), len(b.trace))
	}
	rate, err := train.NewSchedule(s)
	if err != nil {
		t.Fatal(err)
	}
	batches := b.open(t, bundle.BatchesFile)
	shape := []int{s.Train.TotalBatchSize / s.Train.BatchSize, s.Train.BatchSize, s.Train.MaxLength}
	for u, step := range b.Steps {
		row := b.trace[u]
		lr := s.Method.LR * rate(u)
		head := lr
		if f, ok := s.Method.LRGroups["lm_head"]; ok {
			head *= f
		}
		if step.Update != u || row.Update != u || row.LR != lr || step.LR["attn"] != lr || step.LR["lm_head"] != head || len(step.LR) != 5 {
			t.Errorf("update %d: %+v, %+v; want the rate %v", u, step, row, lr)
		}
		n := fmt.Sprintf("%06d", u)
		ints(t, batches, "inputs/"+n, shape...)
		count := 0
		mask := raw(t, batches, "mask/"+n)
		for i, target := range ints(t, batches, "targets/"+n, shape...) {
			if (target >= 0) != (mask[i] == 1) {
				t.Fatalf("update %d: target %d has mask %d", u, target, mask[i])
			}
			count += int(mask[i])
		}
		if count != step.Targets || count != row.Targets || row.Loss != row.LossSum/float64(count) || !(row.GradNorm > 0) {
			t.Errorf("update %d: %d targets, %+v", u, count, row)
		}
		if len(step.LossScale) != shape[0] || math.Abs(step.LossScale[0]*float64(count)-1) > 1e-12 {
			t.Errorf("update %d: loss scales %v of %d targets", u, step.LossScale, count)
		}
	}
	if b.Phases[0].From != 0 {
		t.Errorf("the first phase starts at %d", b.Phases[0].From)
	}
	method := b.Settings["method"].(map[string]any)
	if method["kind"] != s.Method.Kind || method["lr"] != s.Method.LR || method["weight_decay"] != s.Method.WeightDecay {
		t.Errorf("settings %v", method)
	}
}

// checkEstimate: the estimate is the bytes of the tensors, and no less where
// what is drawn varies.
func checkEstimate(t *testing.T, b stored, o bundle.Options) {
	size, err := bundle.Estimate(o.Spec, o.Steps, o.Gradients)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		bundle.InitFile, bundle.FinalFile, bundle.StateFile, bundle.BatchesFile, bundle.RandomFile, bundle.ProjectorsFile, bundle.GradientsFile,
	} {
		f := b.open(t, name)
		var bytes int64
		for _, n := range f.Names() {
			info, _ := f.Info(n)
			bytes += int64(info.Elements() * info.DType.Size())
		}
		varies := name == bundle.RandomFile || name == bundle.StateFile && o.Spec.Method.Kind == "relora"
		if bytes > size[name] || !varies && bytes < size[name] {
			t.Errorf("%s: %d bytes of tensors, estimated %d", name, bytes, size[name])
		}
	}
}

// checkFirstBatch: our own model with the stored weights and batch has the loss
// of the trace, to the bit.
func checkFirstBatch(t *testing.T, b stored, s spec.Run) {
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	method, err := train.NewMethod(s)
	if err != nil {
		t.Fatal(err)
	}
	m, key := models.New(s.Model.Config), random.New(uint64(s.Seed.Init))
	if err := method.Attach(m, optim.Env{Device: device, Ledger: memory.New(), Key: key, Steps: s.Train.Steps}); err != nil {
		t.Fatal(err)
	}
	m.Allocate(models.Runtime{Device: device, Ledger: memory.New(), Key: key}, s.Train.BatchSize, s.Train.MaxLength, true)
	init := b.open(t, bundle.InitFile)
	if len(init.Names()) != len(m.Params()) || len(b.Parameters) != len(m.Params()) {
		t.Fatalf("%d tensors and %d parameters, the model has %d", len(init.Names()), len(b.Parameters), len(m.Params()))
	}
	for _, p := range b.Parameters {
		if info, _ := init.Info(p.Name); !slices.Equal(info.Shape, p.Shape) || string(info.DType) != p.DType {
			t.Errorf("%s is %v %v, the manifest has %+v", p.Name, info.DType, info.Shape, p)
		}
	}
	for _, p := range m.Params() {
		device.Zero(p.W)
		if err := init.Float32(p.Name, p.W.Data); err != nil {
			t.Fatal(err)
		}
	}
	batches := b.open(t, bundle.BatchesFile)
	micros, n := s.Train.TotalBatchSize/s.Train.BatchSize, s.Train.BatchSize*s.Train.MaxLength
	inputs := ints(t, batches, "inputs/000000", micros, s.Train.BatchSize, s.Train.MaxLength)
	targets := ints(t, batches, "targets/000000", micros, s.Train.BatchSize, s.Train.MaxLength)
	var sum float64
	for micro := range micros {
		batch := models.Batch{B: s.Train.BatchSize, T: s.Train.MaxLength, Tokens: inputs[micro*n:][:n], Targets: targets[micro*n:][:n], Micro: micro}
		m.Forward(batch, true)
		loss, _ := m.Backward(batch, 1, func(*models.Param, tensor.Matrix) {})
		sum += loss
	}
	if sum != b.trace[0].LossSum {
		t.Errorf("the loss of the first batch is %v, the trace has %v", sum, b.trace[0].LossSum)
	}
}

// checkEnd: weights and state are those of a run that was stopped after as many
// updates, and its rows have the losses of the trace.
func checkEnd(t *testing.T, b stored, o bundle.Options) {
	ctx, cancel := context.WithCancel(t.Context())
	results := t.TempDir()
	_, err := train.Run(ctx, train.Options{Spec: o.Spec, Data: o.Data, Results: results, Threads: 1, Messages: func(m train.Message) {
		if m.Phase == "train" && m.Step >= updates {
			cancel()
		}
	}})
	if !errors.Is(err, train.ErrStopped) {
		t.Fatal(err)
	}
	dir := record.Dir(results, b.Run.ID)
	run, err := record.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for u, row := range metrics.Train {
		if got := b.trace[u]; float64(row.Loss) != got.Loss || float64(row.GradNorm) != got.GradNorm || float64(row.LR) != got.LR {
			t.Errorf("update %d: the run has %+v, the trace %+v", u, row, got)
		}
	}
	ckpt := filepath.Join(dir, "ckpt", fmt.Sprintf("step-%07d", updates))
	for mine, theirs := range map[string]string{bundle.FinalFile: "model.safetensors", bundle.StateFile: "state.safetensors"} {
		got, want := b.open(t, mine), open(t, filepath.Join(ckpt, theirs))
		if g, w := got.Names(), want.Names(); !slices.Equal(g, w) {
			t.Fatalf("%s holds %d tensors, the checkpoint %d", mine, len(g), len(w))
		}
		for _, name := range want.Names() {
			if !bytes.Equal(raw(t, got, name), raw(t, want, name)) {
				t.Errorf("%s: %s differs from the checkpoint", mine, name)
			}
		}
	}
}

// TestRecorded: a recorded loss that the program does not repeat is an error.
func TestRecorded(t *testing.T) {
	o := options(t, "adamw")
	b := write(t, o)
	o.Losses = map[int]float64{3: b.trace[2].Loss}
	o.Dir += "-again"
	again := write(t, o)
	if !maps.Equal(again.Files, b.Files) {
		t.Error("a second bundle of the same run has other bytes")
	}
	o.Losses[4] = b.trace[3].Loss + 1e-12
	o.Dir += "-wrong"
	if _, err := bundle.Write(t.Context(), o); err == nil || !strings.Contains(err.Error(), "update 3: the loss is") {
		t.Errorf("another recorded loss: %v", err)
	}
}

// TestErrors: what cannot be bundled is refused, and nothing is left.
func TestErrors(t *testing.T) {
	o := options(t, "adamw")
	parent := filepath.Dir(o.Dir)
	for what, c := range map[string]struct {
		change func(*bundle.Options)
		want   string
	}{
		"no updates":     {func(o *bundle.Options) { o.Steps = 0 }, "0 updates: the run has 1 to 12"},
		"too many":       {func(o *bundle.Options) { o.Steps = 13 }, "13 updates: the run has 1 to 12"},
		"long sequences": {func(o *bundle.Options) { o.Spec.Train.MaxLength = 1 << 20 }, "no sequence of 1048576 tokens"},
		"unknown method": {func(o *bundle.Options) { o.Spec.Method.Kind = "magic" }, `unknown method kind "magic"`},
		"divergence":     {func(o *bundle.Options) { o.Spec.Method.LR, o.Spec.Train.WarmupSteps = 1e38, 0 }, "the run leaves the numbers in update "},
	} {
		bad := o
		c.change(&bad)
		if _, err := bundle.Write(t.Context(), bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := o
	stopped.Progress = func(done, total int) {
		if done == 3 {
			cancel()
		}
	}
	if _, err := bundle.Write(ctx, stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	// A folder that holds something is nobody's to overwrite; an empty one is.
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, o)
	if _, err := bundle.Write(t.Context(), o); err == nil || !strings.Contains(err.Error(), "there already and not empty") {
		t.Errorf("a folder that is there: %v", err)
	}
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o.Dir = file
	if _, err := bundle.Write(t.Context(), o); err == nil {
		t.Error("a file is taken for a folder")
	}
}

// TestDefaultSteps: long enough for what the method does, and never long.
func TestDefaultSteps(t *testing.T) {
	for _, c := range []struct {
		change    func(*spec.Run)
		n, wanted int
	}{
		{func(s *spec.Run) { s.Method.Kind = "adamw" }, 8, 8},
		{func(s *spec.Run) { s.Train.Steps = 5 }, 5, 5},
		{func(s *spec.Run) { s.Method.Kind, s.Method.UpdateProjGap = "galore", 20 }, 23, 23},
		{func(s *spec.Run) { s.Method.Kind, s.Method.UpdateProjGap = "galore", spec.Never }, 8, 8},
		{func(s *spec.Run) { s.Method.Kind, s.Method.UpdateProjGap = "galore", 200 }, 8, 203},
		{func(s *spec.Run) {
			s.Method.Kind, s.Method.MergeEvery, s.Method.CycleLength, s.Method.FullRankSteps = "relora", 5, 10, 7
		}, 21, 21},
	} {
		s := spec.Run{Train: spec.Train{Steps: 1000}}
		c.change(&s)
		if n, wanted := bundle.DefaultSteps(s); n != c.n || wanted != c.wanted {
			t.Errorf("%s: %d updates, %d wanted; not %d and %d", s.Method.Kind, n, wanted, c.n, c.wanted)
		}
	}
}

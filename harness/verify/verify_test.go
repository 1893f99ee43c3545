package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/golden"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// experiment is a run of 12 updates with rows, digests and checkpoints.
const experiment = `
name = "verified"
[model]
hidden_size = 16
intermediate_size = 24
num_hidden_layers = 2
num_attention_heads = 2
vocab_size = 512
[data]
source = "text"
paths = ["text"]
val_fraction = 0.2
[train]
steps = 12
total_batch_size = 4
max_length = 24
log_every = 1
checkpoint_every = 4
keep_checkpoints = 2
digest_every = 3
[eval]
every = 5
tokens = 400
[method.galore]
kind = "galore"
rank = 4
update_proj_gap = 5
lr = 0.02
`

// stored trains the experiment with changes to its TOML, and returns what a
// verification of it needs.
func stored(t *testing.T, changes ...string) Options {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	if err := golden.WriteText("text"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("verified.toml", []byte(experiment), 0o666); err != nil {
		t.Fatal(err)
	}
	e, err := spec.Load("verified.toml", changes)
	if err != nil {
		t.Fatal(err)
	}
	s := e.Runs[0].Run
	set, err := corpus.Prepare(t.Context(), corpus.Options{
		Source: "text", Paths: s.Data.Paths, ValFraction: s.Data.ValFraction, Packing: s.Data.Packing,
		Tokenizer: s.Data.Tokenizer, VocabSize: s.Model.VocabSize, CacheDir: filepath.Join(dir, "cache"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	summary, err := train.Run(t.Context(), train.Options{Spec: s, Results: "results", Data: set, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Spec: s, Data: set, Scratch: "scratch", Threads: 2, ISA: tensor.Supported()[0]}
	o.Run.Dir = record.Dir("results", summary.ID)
	o.read(t)
	return o
}

// read reads the stored run again, after a test has changed it.
func (o *Options) read(t *testing.T) {
	t.Helper()
	var err error
	if o.Run, err = record.Read(o.Run.Dir); err != nil {
		t.Fatal(err)
	}
}

func mustRun(t *testing.T, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// replace changes the first match of a pattern in a file of the stored run.
func (o *Options) replace(t *testing.T, file, pattern, by string) {
	t.Helper()
	path := filepath.Join(o.Run.Dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(pattern).FindIndex(data)
	if at == nil {
		t.Fatalf("%s holds no %s", file, pattern)
	}
	data = slices.Concat(data[:at[0]], []byte(by), data[at[1]:])
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	o.read(t)
}

func TestSameBits(t *testing.T) {
	o := stored(t)
	for _, isa := range tensor.Supported() {
		o.ISA = isa
		r := mustRun(t, o)
		// 12 training rows and the evaluations after 5, 10 and 12 updates.
		if r.Difference != nil || !r.Whole || r.Steps != 12 || r.Rows != 15 || r.Digests != 4 {
			t.Errorf("%s: %+v", isa, r)
		}
		if _, err := os.Stat(o.Scratch); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the scratch folder stays: %v", isa, err)
		}
	}
}

func TestParts(t *testing.T) {
	o := stored(t)
	o.Steps = 7
	if r := mustRun(t, o); r.Difference != nil || r.Whole || r.Steps != 7 || r.Rows != 8 || r.Digests != 2 {
		t.Errorf("first 7 updates: %+v", r)
	}
	o.Steps, o.From = 0, 8
	if r := mustRun(t, o); r.Difference != nil || !r.Whole || r.Rows != 6 || r.Digests != 2 {
		t.Errorf("from update 8: %+v", r)
	}
	o.Steps = 8
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "nothing to confirm after update 8") {
		t.Errorf("nothing to compare: %v", err)
	}
	o.Steps, o.From = 0, 3
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "step-0000003") {
		t.Errorf("from a checkpoint that is not there: %v", err)
	}
}

// TestDifferences: whatever is changed in a record is found, with the first
// place where it shows.
func TestDifferences(t *testing.T) {
	for what, c := range map[string]struct {
		file, pattern, by string
		step              int
		want              string
	}{
		"loss":       {"metrics.jsonl", `(?m)^(.*"step":7,.*)"loss":\d`, `{"k":"train","step":7,"loss":9`, 7, "loss of a train row was 9"},
		"evaluation": {"metrics.jsonl", `"ppl_galore77":\d`, `"ppl_galore77":9`, 5, "ppl_galore77 of an eval row was 9"},
		"weights":    {"digests.jsonl", `"step":6,"weights":"..`, `"step":6,"weights":"zz`, 6, "digest of the weights was zz"},
		"state":      {"digests.jsonl", `"state":"..`, `"state":"zz`, 3, "digest of the state was zz"},
		"extra row":  {"metrics.jsonl", `\z`, `{"k":"train","step":12}` + "\n", 12, "train row was there, is missing"},
		"extra sum":  {"digests.jsonl", `\z`, `{"step":12}` + "\n", 12, "digests was there, is missing"},
		"result":     {"summary.json", `"state_digest": "..`, `"state_digest": "zz`, 12, "digest of all weights and states was zz"},
	} {
		t.Run(what, func(t *testing.T) {
			o := stored(t)
			o.replace(t, c.file, c.pattern, c.by)
			r := mustRun(t, o)
			if r.Difference == nil || r.Difference.Step != c.step || !strings.Contains(r.Difference.String(), c.want) {
				t.Errorf("difference %+v, want %q at update %d", r.Difference, c.want, c.step)
			}
			if _, err := os.Stat(r.Kept); err != nil {
				t.Errorf("the differing run does not stay: %v", err)
			}
		})
	}
}

// TestAlteredCheckpoint: a checkpoint whose sums are right and whose content is
// not shows in the first row after it, and the next digests name what differs.
func TestAlteredCheckpoint(t *testing.T) {
	o := stored(t)
	dir := filepath.Join(o.Run.Dir, "ckpt", "step-0000004")
	path := filepath.Join(dir, "state.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := sha256.Sum256(data)
	data[len(data)-2] ^= 0x10
	after := sha256.Sum256(data)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	o.From = 4
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Fatalf("with the old sum: %v", err)
	}
	const meta = "ckpt/step-0000004/state.json"
	o.replace(t, meta, hex.EncodeToString(before[:]), hex.EncodeToString(after[:]))
	o.replace(t, meta, `"self_sha256": "\w+"`, `"self_sha256": ""`)
	o.replace(t, meta, `"self_sha256": ""`, `"self_sha256": "`+compactSum(t, filepath.Join(o.Run.Dir, meta))+`"`)
	r := mustRun(t, o)
	if r.Difference == nil || r.Difference.Step <= 4 || r.Difference.DigestStep != 6 || len(r.Difference.Tensors) == 0 {
		t.Errorf("difference %+v", r.Difference)
	}
}

// compactSum returns the SHA-256 of a JSON file without its spaces.
func compactSum(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(compact.Bytes())
	return hex.EncodeToString(sum[:])
}

// TestTensorsAreNamed: the names of what differs are those of the tensors.
func TestTensorsAreNamed(t *testing.T) {
	o := stored(t)
	rows, err := o.Run.Digests()
	if err != nil {
		t.Fatal(err)
	}
	o.replace(t, "digests.jsonl", rows[1].Tensors[2], "00000000")
	o.replace(t, "digests.jsonl", rows[1].Weights, strings.Repeat("0", 64))
	r := mustRun(t, o)
	if d := r.Difference; d == nil || !slices.Equal(d.Tensors, []string{"model.layers.0.self_attn.q_proj.weight"}) || d.DigestStep != 6 {
		t.Errorf("difference %+v", r.Difference)
	}
}

func TestOtherText(t *testing.T) {
	o := stored(t)
	o.Data.Manifest.Digest = strings.Repeat("0", 64)
	if r := mustRun(t, o); r.Difference == nil || r.Difference.What != "corpus digest" || r.Rows != 0 {
		t.Errorf("other text: %+v", r.Difference)
	}
	o = stored(t)
	o.Spec.Method.LR *= 2
	if r := mustRun(t, o); r.Difference == nil || !strings.Contains(r.Difference.What, "numbers_id") {
		t.Errorf("another learning rate: %+v", r.Difference)
	}
	o = stored(t)
	o.Run.Provenance.NumericsVersion = 99
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "numerics_version 99") {
		t.Errorf("another numerics_version: %v", err)
	}
}

// TestDiverged: a run that left the numbers is confirmed like any other.
func TestDiverged(t *testing.T) {
	o := stored(t, "method.galore.lr=1e30")
	if o.Run.State() != record.Diverged {
		t.Fatalf("the run is %s", o.Run.State())
	}
	if r := mustRun(t, o); r.Difference != nil || !r.Whole {
		t.Errorf("%+v", r)
	}
}

// interrupted stops a verification after five updates, carries it on after a change,
// and returns the update at which it was carried on.
func interrupted(t *testing.T, o Options, change func()) (r *Report, at int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	o.Messages = func(m train.Message) {
		if m.Step >= 5 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, train.ErrStopped) {
		t.Fatalf("stopped: %v", err)
	}
	change()
	at = -1
	o.Messages = func(m train.Message) {
		if at < 0 {
			at = m.Step
		}
	}
	return mustRun(t, o), at
}

// TestInterrupted: a verification that was stopped carries on from its own
// checkpoint.
func TestInterrupted(t *testing.T) {
	if r, at := interrupted(t, stored(t), func() {}); r.Difference != nil || r.Rows != 15 || at < 5 {
		t.Errorf("%+v, carried on at update %d", r, at)
	}
}

// TestOtherProgram: what another program has computed of a verification is
// computed again.
func TestOtherProgram(t *testing.T) {
	o := stored(t)
	r, at := interrupted(t, o, func() {
		if err := os.WriteFile(filepath.Join(o.Scratch, programFile), []byte("another"), 0o666); err != nil {
			t.Fatal(err)
		}
	})
	if r.Difference != nil || r.Rows != 15 || at != 0 {
		t.Errorf("%+v, began at update %d", r, at)
	}
}

// TestSecondLook: a difference that is gone is not found again, whatever the run
// that differed has left.
func TestSecondLook(t *testing.T) {
	o := stored(t)
	path := filepath.Join(o.Run.Dir, "metrics.jsonl")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.replace(t, "metrics.jsonl", `"step":4,(.*?)"loss":\d`, `"step":4,"loss":0`)
	r := mustRun(t, o)
	if r.Difference == nil || r.Kept == "" {
		t.Fatalf("%+v", r)
	}
	for _, name := range []string{"summary.json", "metrics.jsonl"} { // as if that run had been stopped, and wrong
		if err := os.RemoveAll(filepath.Join(r.Kept, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(r.Kept, "metrics.jsonl"), []byte(`{"k":"train","step":1,"loss":9}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, good, 0o666); err != nil {
		t.Fatal(err)
	}
	o.read(t)
	if r := mustRun(t, o); r.Difference != nil || r.Rows != 15 || r.Digests != 4 {
		t.Errorf("%+v", r)
	}
}

// TestUnfinished: of a run that was interrupted, what there is is compared.
func TestUnfinished(t *testing.T) {
	o := stored(t)
	if err := os.Remove(filepath.Join(o.Run.Dir, "summary.json")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.Run.Dir, "metrics.jsonl")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := bytes.Index(data, []byte(`"step":10,`))
	if err := os.WriteFile(path, data[:end], 0o666); err != nil { // torn within a row
		t.Fatal(err)
	}
	o.read(t)
	if r := mustRun(t, o); r.Difference != nil || r.Whole || r.Steps != 9 || r.Rows != 10 {
		t.Errorf("%+v", r)
	}
}

// TestSubspaces: what a run saw of its subspaces is part of the record.
func TestSubspaces(t *testing.T) {
	o := stored(t, "diagnostics.subspace=true", "diagnostics.after=[2]")
	r := mustRun(t, o)
	// Three refreshes, and looks after 2 and 4 updates: of the second refresh both,
	// of the third none.
	if r.Difference != nil || r.Subspace != 14*(3+2+2) || !strings.Contains(r.String(), "98 rows of subspaces") {
		t.Errorf("%s: %+v", r, r)
	}
	o.replace(t, "subspace.jsonl", `"overlap":0\.\d`, `"overlap":0.51234`)
	o.read(t)
	r = mustRun(t, o)
	if r.Difference == nil || !strings.Contains(r.Difference.What, "overlap of a subspace row") || r.Difference.Step != 6 {
		t.Errorf("a changed number: %s", r)
	}
}

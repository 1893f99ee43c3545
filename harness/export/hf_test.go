package export_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/corpus"
	"ranklab/corpus/sentencepiece"
	"ranklab/corpus/sentencepiece/sptest"
	"ranklab/harness/export"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/random"
	"ranklab/internal/safetensors"
	"ranklab/models"
	"ranklab/tensor"
)

var words = strings.Fields("the rank of a matrix is what remains when noise has gone and so we project gradient onto basis vectors func return var for range if")

// text writes a folder of documents.
func text(t *testing.T) string {
	dir := t.TempDir()
	key := random.New(5).Stream("text")
	for doc := range 60 {
		var b strings.Builder
		for i := range uint64(150) {
			b.WriteString(words[key.Below(uint64(doc)*150+i, len(words))] + " ")
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("doc%02d.txt", doc)), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// trained trains a small run with adapters and returns what exports it.
func trained(t *testing.T, change func(*spec.Run)) export.Options {
	t.Helper()
	s := spec.Run{
		Model: spec.Model{Config: models.Config{
			HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 1, NumAttentionHeads: 2, VocabSize: 512,
			RMSNormEps: 1e-6, InitializerRange: 0.02, RopeTheta: 10000,
		}},
		Data: spec.Data{Source: "text", Paths: []string{text(t)}, ValFraction: 0.2, Packing: "concat", Tokenizer: "bpe"},
		Train: spec.Train{
			Steps: 6, TotalBatchSize: 4, BatchSize: 4, MaxLength: 24, WarmupSteps: 2, Scheduler: "cosine", MinLRRatio: 0.1, LogEvery: 1,
		},
		Eval: spec.Eval{Every: 3, Tokens: 400, BatchSize: 4},
		Method: spec.Method{
			Kind: "lora", LR: 0.02, Optimizer: "adamw", Betas: []float64{0.9, 0.999}, Eps: 1e-8, Convention: "torch", Decay: "before",
			Targets: []string{"attn", "mlp"}, Rank: 4, LoraAlpha: 8, Scaling: "alpha_over_r",
		},
	}
	change(&s)
	cache, results := t.TempDir(), t.TempDir()
	open := func() (*corpus.Set, error) {
		return corpus.Prepare(t.Context(), corpus.Options{
			Source: s.Data.Source, Paths: s.Data.Paths, ValFraction: s.Data.ValFraction, Packing: s.Data.Packing,
			Tokenizer: s.Data.Tokenizer, TokenizerModel: s.Data.TokenizerModel, VocabSize: s.Model.VocabSize, CacheDir: cache,
		})
	}
	set, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	summary, err := train.Run(t.Context(), train.Options{Spec: s, Data: set, Results: results, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	run, err := record.Read(record.Dir(results, summary.ID))
	if err != nil {
		t.Fatal(err)
	}
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	t.Cleanup(device.Close)
	return export.Options{Run: run, Spec: s, Ckpt: filepath.Join(run.Dir, "ckpt"), Step: -1, Device: device, Corpus: open}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestHuggingFace(t *testing.T) {
	o := trained(t, func(*spec.Run) {})
	o.Eval = true
	dir := filepath.Join(t.TempDir(), "a", "model")
	m, err := export.HuggingFace(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"README.md", "config.json", "generation_config.json", "model.safetensors", "ranklab.json",
		"tokenizer-samples.json", "tokenizer.json", "tokenizer_config.json", "validation.safetensors",
	}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}

	// The manifest says what it is, as the file does.
	var stored export.Manifest
	data, err := os.ReadFile(filepath.Join(dir, "ranklab.json"))
	if err != nil || json.Unmarshal(data, &stored) != nil || stored.RunID != o.Run.ID || stored.InitDigest != m.InitDigest {
		t.Errorf("%s, %v", data, err)
	}
	if m.RunID != o.Run.ID || m.Method != "lora" || !m.Merged || m.Step != 6 || m.Steps != 6 || m.Dtype != "float32" || len(m.Notes) > 0 {
		t.Errorf("manifest %+v", m)
	}
	v := m.Validation
	if v == nil || v.Recorded == nil || v.Exported == nil || *v.Recorded != o.Run.Summary.Final.Loss || math.Abs(float64(*v.Recorded-*v.Exported)) > 1e-5 {
		t.Errorf("validation %+v beside the record's %v", v, o.Run.Summary.Final.Loss)
	}
	digest, err := train.InitDigest(spec.Run{Model: o.Spec.Model, Init: spec.Init{From: dir}})
	if err != nil || digest != m.InitDigest {
		t.Errorf("a run that starts from it has the digest %s, %v; the manifest %s", digest, err, m.InitDigest)
	}

	// The validation tokens are those of the run's evaluations.
	f, err := safetensors.Open(filepath.Join(dir, "validation.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Info("inputs")
	if len(info.Shape) != 2 || info.Shape[1] != 24 {
		t.Fatalf("inputs %+v", info)
	}
	inputs, targets := make([]int32, info.Elements()), make([]int32, info.Elements())
	if err := errors.Join(f.Int32("inputs", inputs), f.Int32("targets", targets)); err != nil {
		t.Fatal(err)
	}
	set, err := o.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	eval := train.EvalSet(o.Spec, set)
	a, b := make([]int32, 24), make([]int32, 24)
	eval.Sequence(1, a, b)
	if !slices.Equal(a, inputs[24:48]) || !slices.Equal(b, targets[24:48]) || info.Shape[0] != eval.Sequences || int64(eval.Targets) != v.Targets {
		t.Errorf("sequence 1 is %v → %v, in the evaluation %v → %v", inputs[24:48], targets[24:48], a, b)
	}

	// The samples have the tokenizer's ids, and some come from the text.
	var samples []struct {
		Text string
		IDs  []int32
	}
	if data, err = os.ReadFile(filepath.Join(dir, "tokenizer-samples.json")); err != nil || json.Unmarshal(data, &samples) != nil || len(samples) < 100 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	for _, s := range samples {
		if !slices.Equal(set.Tokenizer.Encode(nil, []byte(s.Text)), s.IDs) {
			t.Errorf("%q has other ids than %v", s.Text, s.IDs)
		}
	}
	if s := samples[0]; len(s.IDs) < 50 || !strings.Contains(s.Text, " ") {
		t.Errorf("the first sample is %q", s.Text)
	}
}

func TestBFloat16AndNoCorpus(t *testing.T) {
	o := trained(t, func(*spec.Run) {})
	o.BFloat16 = true
	dir := filepath.Join(t.TempDir(), "model")
	o.Corpus = func() (*corpus.Set, error) { return nil, errors.New("the text is gone") }
	m, err := export.HuggingFace(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if m.Dtype != "bfloat16" || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "the text is gone") || len(m.Tokenizer) > 0 {
		t.Errorf("manifest %+v", m)
	}
	if got := names(t, dir); slices.Contains(got, "tokenizer.json") || slices.Contains(got, "validation.safetensors") {
		t.Errorf("files %q", got)
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil || !strings.Contains(string(readme), "the text is gone") {
		t.Errorf("README.md: %s, %v", readme, err)
	}
	o.Eval = true
	if _, err := export.HuggingFace(dir, o); err == nil || !strings.Contains(err.Error(), "the text is gone") {
		t.Errorf("validation tokens without the text: %v", err)
	}
}

// TestWhere: an export goes into a new or an empty folder, or replaces an earlier
// one; other people's folders are left alone.
func TestWhere(t *testing.T) {
	o := trained(t, func(s *spec.Run) { s.Train.CheckpointEvery = 2 })
	dir := filepath.Join(t.TempDir(), "model")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := export.HuggingFace(dir, o); err != nil {
			t.Fatal(err)
		}
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "config.json"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := export.HuggingFace(foreign, o); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a foreign folder: %v", err)
	}
	if mine, _ := os.ReadFile(filepath.Join(foreign, "config.json")); string(mine) != "mine" || len(names(t, foreign)) != 1 {
		t.Errorf("a foreign folder was touched: %q", names(t, foreign))
	}
	if err := os.WriteFile(filepath.Join(foreign, "notes.txt"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	o.Force = true
	if _, err := export.HuggingFace(foreign, o); err != nil {
		t.Fatal(err)
	}
	if got := names(t, foreign); !slices.Contains(got, "notes.txt") || !slices.Contains(got, "model.safetensors") {
		t.Errorf("files %q", got)
	}
	// What an earlier export wrote and this one does not is gone; other files stay.
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	without := o
	without.Corpus = func() (*corpus.Set, error) { return nil, errors.New("not at hand") }
	if _, err := export.HuggingFace(dir, without); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), []string{"README.md", "config.json", "generation_config.json", "model.safetensors", "notes.txt", "ranklab.json"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	o.Step = 5
	if _, err := export.HuggingFace(dir, o); err == nil || !strings.Contains(err.Error(), "no checkpoint of step 5") {
		t.Errorf("a step without a checkpoint: %v", err)
	}
	o.Ckpt = t.TempDir()
	if _, err := export.HuggingFace(dir, o); !errors.Is(err, train.ErrNoCheckpoint) {
		t.Errorf("no checkpoint: %v", err)
	}
	if got := names(t, filepath.Dir(dir)); len(got) != 1 {
		t.Errorf("beside the folder there are %q", got)
	}
}

// TestSentencePiece: the model file goes with the weights, in the numbering that
// the run was trained in.
func TestSentencePiece(t *testing.T) {
	model := filepath.Join(t.TempDir(), "t5.model")
	data := sptest.T5(words...).Serialise()
	if err := os.WriteFile(model, data, 0o666); err != nil {
		t.Fatal(err)
	}
	o := trained(t, func(s *spec.Run) {
		s.Method = spec.Method{Kind: "sgd", Optimizer: "sgd", LR: 0.1, Decay: "before"}
		s.Data.Tokenizer, s.Data.TokenizerModel, s.Data.Packing = "sentencepiece", model, "pad"
	})
	o.Eval = true
	dir := filepath.Join(t.TempDir(), "model")
	m, err := export.HuggingFace(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if m.Merged || !slices.Equal(m.Tokenizer, []string{"spiece.model", "tokenizer_config.json"}) || *m.Validation.Recorded != *m.Validation.Exported {
		t.Errorf("manifest %+v, %+v", m, m.Validation)
	}
	ours, err := sentencepiece.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := sentencepiece.Load(filepath.Join(dir, "spiece.model"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := ours.Encode(nil, []byte("the rank of noise!")), theirs.Encode(nil, []byte("the rank of noise!")); !slices.Equal(a, b) || theirs.VocabSize() != ours.VocabSize() {
		t.Errorf("ids %v, of the run's tokenizer %v", b, a)
	}
	var config map[string]any
	if data, err = os.ReadFile(filepath.Join(dir, "config.json")); err != nil || json.Unmarshal(data, &config) != nil || config["eos_token_id"] != 1. {
		t.Errorf("config %s, %v", data, err)
	}
}

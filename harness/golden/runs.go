package golden

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/internal/random"
	"ranklab/models"
)

// WriteText writes a folder of documents made of words drawn from a small
// vocabulary, so that a model has something to learn.
func WriteText(dir string) error {
	return writeText(dir, func(int) int { return 150 })
}

// writeText writes documents of so many words each.
func writeText(dir string, words func(doc int) int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	key := random.New(5).Stream("text")
	vocabulary := strings.Fields("the rank of a matrix is what remains when noise has gone and so we project gradient onto basis vectors func return var for range if")
	at := uint64(0)
	for doc := range 60 {
		var b strings.Builder
		for range words(doc) {
			fmt.Fprintf(&b, "%s ", vocabulary[key.Below(at, len(vocabulary))])
			at++
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("doc%02d.txt", doc)), []byte(b.String()), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Prepare writes the text below a folder and returns it as a corpus, to be
// closed, with the run that the variants change: 12 updates of a model of
// 20,000 parameters.
func Prepare(ctx context.Context, folder string) (*corpus.Set, spec.Run, error) {
	text := filepath.Join(folder, "text")
	if err := WriteText(text); err != nil {
		return nil, spec.Run{}, err
	}
	return prepare(ctx, folder, text)
}

// PrepareUneven is [Prepare] with documents of 3 to 62 words: where one sequence
// holds one document, most of them are padded, and not two micro-batches have as many
// targets.
func PrepareUneven(ctx context.Context, folder string) (*corpus.Set, spec.Run, error) {
	text := filepath.Join(folder, "text")
	if err := writeText(text, func(doc int) int { return 3 + 23*doc%60 }); err != nil {
		return nil, spec.Run{}, err
	}
	return prepare(ctx, folder, text)
}

func prepare(ctx context.Context, folder, text string) (*corpus.Set, spec.Run, error) {
	data := spec.Data{Source: "text", Paths: []string{text}, ValFraction: 0.2, Packing: "concat", Tokenizer: "bpe"}
	model := models.Config{
		HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 2, NumAttentionHeads: 2, VocabSize: 512,
		RMSNormEps: 1e-6, InitializerRange: 0.02, RopeTheta: 10000,
	}
	set, err := corpus.Prepare(ctx, corpus.Options{
		Source: data.Source, Paths: data.Paths, ValFraction: data.ValFraction, Packing: data.Packing, Tokenizer: data.Tokenizer,
		VocabSize: model.VocabSize, CacheDir: filepath.Join(folder, "cache"),
	})
	return set, spec.Run{
		Model: spec.Model{Config: model},
		Data:  data,
		Train: spec.Train{
			Steps: 12, TotalBatchSize: 4, BatchSize: 4, MaxLength: 24, WarmupSteps: 2, Scheduler: "cosine", MinLRRatio: 0.1, LogEvery: 1,
			Dtype: spec.Float32, StateDtype: spec.Float32,
		},
		Eval:   spec.Eval{Every: 5, Tokens: 400, BatchSize: 4},
		Method: spec.Method{LR: 0.02},
	}, err
}

// Widen turns the run of [Prepare] into one whose shapes split over seven
// workers and whose sums are longer than a K block of the matrix product: 416
// features, and 448 tokens in the gradient of a weight. With the wide variants
// it crosses three refreshes and merges.
func Widen(s *spec.Run) {
	s.Model.HiddenSize, s.Model.IntermediateSize, s.Model.NumAttentionHeads = 64, 416, 4
	s.Train.Steps, s.Train.WarmupSteps = 24, 4
	s.Train.TotalBatchSize, s.Train.BatchSize, s.Train.MaxLength = 8, 8, 56
	s.Eval.Every = 12
}

package corpus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"ranklab/corpus/bpe"
	"ranklab/corpus/sentencepiece"
	"ranklab/corpus/source"
)

var (
	_ Tokenizer = (*bpe.Tokenizer)(nil)
	_ Tokenizer = (*sentencepiece.Model)(nil)
)

// sampleBytes bounds the text that a BPE vocabulary is trained on. Of a longer
// training split every k-th document is read, with the smallest k that keeps
// the sample near the bound.
const sampleBytes = 64 << 20

// tokenizer loads or trains the tokenizer of the options.
func tokenizer(ctx context.Context, o *Options, src source.Source, s *selection) (Tokenizer, error) {
	if o.Tokenizer == TokenizerSentencePiece {
		t, err := sentencepiece.Load(o.TokenizerModel)
		if err != nil {
			return nil, err
		}
		if o.VocabSize > 0 && t.VocabSize() > o.VocabSize {
			return nil, fmt.Errorf("%s: ids go up to %d, which a vocab_size of %d does not hold", o.TokenizerModel, t.VocabSize()-1, o.VocabSize)
		}
		return t, nil
	}
	key := digestOf("bpe", bpe.TrainerVersion, sampleBytes, s.Manifest.TrainDigest, o.VocabSize)[:32]
	path := filepath.Join(o.CacheDir, "bpe", key+".json")
	if t, err := bpe.Load(path); err == nil {
		return t, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			return nil, err // it is there and cannot be read; a damaged one is replaced
		}
	}
	unlock, err := o.lock(ctx, "bpe-"+key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if t, err := bpe.Load(path); err == nil { // built while we waited
		return t, nil
	}
	t, err := trainBPE(ctx, o, src, s)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return t, t.Save(path, s.Manifest.TrainDigest)
}

// trainBPE trains a vocabulary on the training split.
func trainBPE(ctx context.Context, o *Options, src source.Source, s *selection) (*bpe.Tokenizer, error) {
	stride := int((s.Manifest.Train.Bytes + sampleBytes - 1) / sampleBytes)
	idle := make(chan *bpe.Counts, runtime.GOMAXPROCS(0)) // one per worker
	for range cap(idle) {
		idle <- bpe.NewCounts()
	}
	progress := o.report(StageCount)
	err := inOrder(ctx,
		func(ctx context.Context, yield func(source.Document) error) error {
			n := 0
			return s.eachVerified(ctx, src, func(d source.Document, part source.Part) error {
				if part != source.Train {
					return nil
				}
				n++
				if (n-1)%stride != 0 {
					return nil
				}
				return yield(d)
			})
		},
		func(d source.Document) int64 {
			c := <-idle
			c.Add(d.Text)
			idle <- c
			return d.Read
		},
		func(read int64) error {
			progress(read, src.Size())
			return nil
		})
	if err != nil {
		return nil, err
	}
	counts := <-idle
	for range cap(idle) - 1 {
		counts.Merge(<-idle)
	}
	return bpe.Train(counts, o.VocabSize, o.report(StageTrain))
}

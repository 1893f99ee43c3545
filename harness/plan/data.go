package plan

import (
	"context"

	"ranklab/corpus"
	"ranklab/harness/spec"
)

// Corpus prepares the corpus of a run, or opens it when the cache holds it.
func Corpus(ctx context.Context, r spec.Run, cache string, progress func(stage string, done, total int64)) (*corpus.Set, error) {
	return corpus.Prepare(ctx, corpus.Options{
		Source:         r.Data.Source,
		Modules:        r.Data.Modules,
		Paths:          r.Data.Paths,
		ValFraction:    r.Data.ValFraction,
		Packing:        r.Data.Packing,
		Tokenizer:      r.Data.Tokenizer,
		TokenizerModel: r.Data.TokenizerModel,
		VocabSize:      r.Model.VocabSize,
		CacheDir:       cache,
		Progress:       progress,
	})
}

package corpus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ranklab/corpus/bpe"
)

// The spellings of the options.
const (
	SourceGoModules = "gomod"
	SourceText      = "text"
	SourceC4        = "c4"

	TokenizerBPE           = "bpe"
	TokenizerSentencePiece = "sentencepiece"

	PackingConcat = "concat"
	PackingPad    = "pad"
)

// Options say what data to prepare.
type Options struct {
	// Source is "gomod", "text" or "c4".
	Source string
	// Modules are the module@version of gomod.
	Modules []string
	// Paths are files and folders: of text, or of *.json.gz shards for c4.
	Paths []string
	// ValFraction is the share of documents held out, above 0 and below 1.
	// C4 folders that hold train and validation shards do not use it.
	ValFraction float64
	// Packing is "concat" or "pad". It is only checked: sequences of both
	// kinds are read from the same shards.
	Packing string
	// Tokenizer is "bpe" or "sentencepiece".
	Tokenizer string
	// TokenizerModel is the path of the .model file of sentencepiece.
	TokenizerModel string
	// VocabSize is the size of the BPE vocabulary, special tokens included.
	// For sentencepiece it is the size of the model to be trained, which
	// must hold every id; 0 leaves it unchecked.
	VocabSize int
	// CacheDir is where everything built is kept; by default a folder
	// "ranklab" in the user's cache directory.
	CacheDir string
	// Progress, if not nil, hears how far a stage is, on the scale of total
	// (0: unknown). Calls do not overlap.
	Progress func(stage string, done, total int64)
}

// The stages that Progress hears of.
const (
	StageWait     = "waiting for another process"
	StageModules  = "fetching modules"
	StageRead     = "reading text"
	StageCompare  = "removing duplicates"
	StageDigest   = "computing digests"
	StageCount    = "counting words"
	StageTrain    = "training the tokenizer"
	StageTokenize = "tokenizing"
	StageNgrams   = "counting n-grams"
)

// check finds all problems of the options at once and fills in defaults.
func (o *Options) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch o.Source {
	case SourceGoModules:
		if len(o.Paths) > 0 {
			bad("paths belong to the sources %q and %q, not to %q", SourceText, SourceC4, o.Source)
		}
	case SourceText, SourceC4:
		if len(o.Modules) > 0 {
			bad("modules belong to the source %q, not to %q", SourceGoModules, o.Source)
		}
	default:
		bad("unknown source %q: choose %q, %q or %q", o.Source, SourceGoModules, SourceText, SourceC4)
	}
	if o.Packing != PackingConcat && o.Packing != PackingPad {
		bad("unknown packing %q: choose %q or %q", o.Packing, PackingConcat, PackingPad)
	}
	switch o.Tokenizer {
	case TokenizerBPE:
		if o.VocabSize < bpe.MinVocab || o.VocabSize > bpe.MaxVocab {
			bad("vocab_size %d: a BPE vocabulary has %d to %d tokens", o.VocabSize, bpe.MinVocab, bpe.MaxVocab)
		}
		if o.TokenizerModel != "" {
			bad("tokenizer_model belongs to the tokenizer %q, not to %q", TokenizerSentencePiece, o.Tokenizer)
		}
	case TokenizerSentencePiece:
		if o.TokenizerModel == "" {
			bad("the tokenizer %q needs tokenizer_model, the path of a .model file", o.Tokenizer)
		}
	default:
		bad("unknown tokenizer %q: choose %q or %q", o.Tokenizer, TokenizerBPE, TokenizerSentencePiece)
	}
	if !(o.ValFraction >= 0 && o.ValFraction < 1) {
		bad("val_fraction %v is not between 0 and 1", o.ValFraction)
	}
	if o.CacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			bad("no cache folder is named, and the system knows none: %w", err)
		}
		o.CacheDir = filepath.Join(dir, "ranklab")
	}
	return errors.Join(errs...)
}

// report returns the function to tell progress of one stage: it passes on
// steps of at least half a percent.
func (o *Options) report(stage string) func(done, total int64) {
	if o.Progress == nil {
		return func(int64, int64) {}
	}
	next := int64(0)
	return func(done, total int64) {
		if done < next && done != total {
			return
		}
		next = done + max(1, total/200)
		o.Progress(stage, done, total)
	}
}

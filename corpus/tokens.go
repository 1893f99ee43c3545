package corpus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ranklab/corpus/shard"
	"ranklab/corpus/source"
	"ranklab/internal/atomicfile"
)

// shardCounts is the content of counts.json. Its existence means that both
// shards are complete.
type shardCounts struct {
	Train   shard.Counts `json:"train"`
	Val     shard.Counts `json:"val"`
	Nothing int          `json:"nothing"` // documents without a single token
	// Text is the digest of the text that they are the tokens of, for who tidies
	// up; old caches do not say.
	Text string `json:"text,omitempty"`
}

// shards opens the token shards of both splits, after building them if they
// are not in the cache.
func shards(ctx context.Context, o *Options, src source.Source, s *selection, t Tokenizer) (train, val *shard.File, c shardCounts, err error) {
	key := digestOf("tokens", shard.FormatVersion, s.Manifest.Digest, t.Digest())[:32]
	dir := filepath.Join(o.CacheDir, "tokens", key)
	if train, val, c, err = openShards(dir, t.VocabSize()); err == nil {
		return train, val, c, nil
	}
	unlock, err := o.lock(ctx, "tokens-"+key)
	if err != nil {
		return nil, nil, c, err
	}
	defer unlock()
	if train, val, c, err = openShards(dir, t.VocabSize()); err == nil { // built while we waited
		return train, val, c, nil
	}
	if err := writeShards(ctx, o, src, s, t, dir); err != nil {
		return nil, nil, c, err
	}
	return openShards(dir, t.VocabSize())
}

// openShards opens complete shards of the tokens of a vocabulary.
func openShards(dir string, vocab int) (train, val *shard.File, c shardCounts, err error) {
	found, err := loadJSON(filepath.Join(dir, "counts.json"), &c, anything)
	if err != nil {
		return nil, nil, c, err
	}
	if !found {
		return nil, nil, c, os.ErrNotExist
	}
	if train, err = shard.Open(filepath.Join(dir, "train.tok"), vocab); err != nil {
		return nil, nil, c, err
	}
	if val, err = shard.Open(filepath.Join(dir, "val.tok"), vocab); err != nil {
		train.Close()
		return nil, nil, c, err
	}
	if train.Counts() != c.Train || val.Counts() != c.Val {
		return nil, nil, c, errors.Join(fmt.Errorf("%s: counts.json is of other shards", dir), train.Close(), val.Close())
	}
	return train, val, c, nil
}

// encoded is a document as tokens.
type encoded struct {
	source.Document
	part   source.Part
	tokens []int32
}

// writeShards tokenizes both splits in one pass.
func writeShards(ctx context.Context, o *Options, src source.Source, s *selection, t Tokenizer, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := atomicfile.RemoveTemps(dir, 0); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, "counts.json")); err != nil && !os.IsNotExist(err) {
		return err
	}
	c := shardCounts{Text: s.Manifest.Digest}
	err := atomicfile.WriteFunc(filepath.Join(dir, "train.tok"), func(trainFile io.Writer) error {
		return atomicfile.WriteFunc(filepath.Join(dir, "val.tok"), func(valFile io.Writer) error {
			train, err := shard.NewWriter(trainFile.(io.WriteSeeker), t.VocabSize(), t.EOS())
			if err != nil {
				return err
			}
			val, err := shard.NewWriter(valFile.(io.WriteSeeker), t.VocabSize(), t.EOS())
			if err != nil {
				return err
			}
			if c.Nothing, err = encodeAll(ctx, o, src, s, t, train, val); err != nil {
				return err
			}
			if c.Train, err = train.Finish(); err != nil {
				return err
			}
			c.Val, err = val.Finish()
			return err
		})
	})
	if err != nil {
		return err
	}
	return saveJSON(filepath.Join(dir, "counts.json"), c)
}

// encodeAll sends every document, as tokens, to the writer of its split. It
// returns the number of documents without tokens, which are left out.
func encodeAll(ctx context.Context, o *Options, src source.Source, s *selection, t Tokenizer, train, val *shard.Writer) (nothing int, err error) {
	progress := o.report(StageTokenize)
	err = inOrder(ctx,
		func(ctx context.Context, yield func(encoded) error) error {
			return s.eachVerified(ctx, src, func(d source.Document, part source.Part) error {
				return yield(encoded{Document: d, part: part})
			})
		},
		func(e encoded) encoded {
			e.tokens = t.Encode(make([]int32, 0, len(e.Text)/3+8), e.Text)
			return e
		},
		func(e encoded) error {
			progress(e.Read, src.Size())
			if len(e.tokens) == 0 {
				nothing++
				return nil
			}
			w := train
			if e.part == source.Validation {
				w = val
			}
			return w.Add(e.tokens, len(e.Text))
		})
	return nothing, err
}

package corpus

import (
	"context"
	"errors"
	"fmt"

	"ranklab/corpus/bpe"
	"ranklab/corpus/shard"
	"ranklab/corpus/source"
)

// A Set is prepared data: two splits of token sequences and what is known
// about them. Close it when nothing reads from it any more.
type Set struct {
	Manifest   Manifest
	Tokenizer  Tokenizer
	Train, Val Split

	options Options
}

// Prepare builds the data that the options describe, or finds it in the cache.
// An interrupted Prepare leaves nothing that a later one could mistake for
// data; what was complete is kept.
func Prepare(ctx context.Context, o Options) (*Set, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	src, err := open(&o)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", o.Source, err)
	}
	selected, err := selectDocuments(ctx, &o, src)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", o.Source, err)
	}
	t, err := tokenizer(ctx, &o, src, selected)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", o.Tokenizer, err)
	}
	train, val, counts, err := shards(ctx, &o, src, selected, t)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	s := &Set{
		Manifest: selected.Manifest, Tokenizer: t, options: o,
		Train: newSplit("train", train, t), Val: newSplit("validation", val, t),
	}
	m := &s.Manifest
	m.Tokenizer = TokenizerInfo{t.Name(), t.VocabSize(), t.Digest()}
	m.Train, m.Val = splitInfo(counts.Train), splitInfo(counts.Val)
	m.Notes = notes(&o, t, selected, counts)
	if m.Train.Documents == 0 || m.Val.Documents == 0 {
		s.Close()
		return nil, errors.New("tokens: a split has no tokens at all: add documents")
	}
	return s, nil
}

// Close gives the shards back.
func (s *Set) Close() error {
	return errors.Join(s.Train.file.Close(), s.Val.file.Close())
}

func open(o *Options) (source.Source, error) {
	switch o.Source {
	case SourceGoModules:
		return source.NewGoModules(o.Modules)
	case SourceText:
		return source.NewTextFiles(o.Paths)
	}
	return source.NewC4Shards(o.Paths)
}

func splitInfo(c shard.Counts) SplitInfo {
	return SplitInfo{int(c.Documents), c.TextBytes, c.Tokens}
}

func notes(o *Options, t Tokenizer, s *selection, c shardCounts) []string {
	var notes []string
	if t, ok := t.(*bpe.Tokenizer); ok {
		if t.Used() < t.VocabSize() {
			notes = append(notes, fmt.Sprintf("the training text yields only %d of %d tokens: ids from %d on never occur", t.Used(), t.VocabSize(), t.Used()))
		}
		if s.Manifest.Train.Bytes > sampleBytes {
			notes = append(notes, fmt.Sprintf("the vocabulary was trained on an even sample of about %d MiB", sampleBytes>>20))
		}
	}
	if c.Nothing > 0 {
		notes = append(notes, fmt.Sprintf("%d documents have no tokens and are left out", c.Nothing))
	}
	return notes
}

package corpus

import (
	"fmt"

	"ranklab/corpus/shard"
)

// A Split is the training or the validation part of a [Set], cut into
// sequences of T positions in one of two ways:
//
//   - "concat": documents, each closed by its end token, form one stream.
//     Sequence i takes the tokens i·T … i·T+T-1 as inputs and those one
//     further as targets; a rest that does not fill a window is not used.
//   - "pad": each document is a sequence. Its tokens and its end token are
//     padded to T; of a longer document the first T-1 tokens and the end token
//     are kept. The last kept token has no target, nor has padding.
//
// A target of -1 means that the position does not count. A Split reads from
// the shards of its Set: it is valid until that is closed. It is safe for
// concurrent use.
type Split struct {
	Name      string
	file      *shard.File
	tokenizer Tokenizer
}

func newSplit(name string, file *shard.File, t Tokenizer) Split { return Split{name, file, t} }

// NoTarget is the target of a position that does not count.
const NoTarget = -1

func checkPacking(packing string, T int) {
	if packing != PackingConcat && packing != PackingPad {
		panic(fmt.Sprintf("corpus: unknown packing %q", packing))
	}
	if T < 2 {
		panic("corpus: a sequence has at least two positions")
	}
}

// Sequences returns the number of sequences of T positions.
func (s Split) Sequences(packing string, T int) int {
	checkPacking(packing, T)
	c := s.file.Counts()
	if packing == PackingPad {
		return int(c.Documents)
	}
	return int(max(0, c.Tokens-1) / int64(T))
}

// Targets returns the number of targets in all sequences of T positions: what
// one epoch adds to tokens_seen.
func (s Split) Targets(packing string, T int) int64 {
	n := s.Sequences(packing, T)
	if packing == PackingConcat {
		return int64(n) * int64(T)
	}
	var targets int64
	for d := range n {
		_, length := s.file.Document(d)
		targets += int64(min(length, T) - 1)
	}
	return targets
}

// Sequence fills the first T elements of tokens and targets with sequence i and
// returns the number of its targets, at least 1. It does not allocate.
func (s Split) Sequence(packing string, T, i int, tokens, targets []int32) (n int) {
	if i < 0 || i >= s.Sequences(packing, T) {
		panic("corpus: no such sequence")
	}
	tokens, targets = tokens[:T], targets[:T]
	if packing == PackingConcat {
		first := int64(i) * int64(T)
		s.file.Read(tokens, first)
		copy(targets, tokens[1:])
		s.file.Read(targets[T-1:], first+int64(T))
		return T
	}
	first, length := s.file.Document(i)
	kept := min(length, T)
	s.file.Read(tokens[:kept], first)
	tokens[kept-1] = s.tokenizer.EOS()
	copy(targets, tokens[1:kept])
	for j := kept; j < T; j++ {
		tokens[j] = s.tokenizer.Pad()
	}
	for j := kept - 1; j < T; j++ {
		targets[j] = NoTarget
	}
	return kept - 1
}

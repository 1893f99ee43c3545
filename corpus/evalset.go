package corpus

import (
	"crypto/sha256"
	"encoding/binary"

	"ranklab/internal/random"
)

// An Eval is a fixed list of sequences on which models are compared: a sample
// of a split without repetition, the same for every seed, so that a part of a
// split that lies in the order of its sources still holds text of all of them.
type Eval struct {
	Packing   string
	T         int
	Sequences int    //
	Targets   int    // positions that count
	Bytes     int64  // of text that the targets stand for: the base of bits per byte
	Digest    string // SHA-256 of all tokens and targets

	split Split
	order Order
	first int // place of sequence 0 in the order
}

// EvalSet takes whole sequences of a split, in a fixed random order, until they
// hold at least targetTokens targets, or all if there are fewer.
func EvalSet(split Split, packing string, T, targetTokens int) *Eval {
	return evalFrom(split, packing, T, 0, targetTokens)
}

// Next takes the sequences that follow those of e in the same order, until they
// hold at least targetTokens targets, or all that are left: a set that shares no
// target with e, and leaves e as it is.
func (e *Eval) Next(targetTokens int) *Eval {
	return evalFrom(e.split, e.Packing, e.T, e.first+e.Sequences, targetTokens)
}

func evalFrom(split Split, packing string, T, first, targetTokens int) *Eval {
	n := split.Sequences(packing, T)
	e := &Eval{Packing: packing, T: T, split: split, order: Order{Key: random.New(0).Stream("evaluation"), N: n}, first: first}
	tokens, targets := make([]int32, T), make([]int32, T)
	h := sha256.New()
	var b []byte
	for ; first+e.Sequences < n && e.Targets < targetTokens; e.Sequences++ {
		e.Targets += split.Sequence(packing, T, e.order.At(first+e.Sequences), tokens, targets)
		b = b[:0]
		for j := range T {
			b = binary.LittleEndian.AppendUint32(b, uint32(tokens[j]))
			b = binary.LittleEndian.AppendUint32(b, uint32(targets[j]))
			if targets[j] != NoTarget {
				e.Bytes += int64(split.tokenizer.TokenBytes(targets[j]))
			}
		}
		h.Write(b)
	}
	e.Digest = digestOf("ranklab eval", packing, T, sum(h))
	return e
}

// Sequence is [Split.Sequence] for sequence i of the evaluation.
func (e *Eval) Sequence(i int, tokens, targets []int32) (n int) {
	if i >= e.Sequences {
		panic("corpus: no such sequence in the evaluation")
	}
	return e.split.Sequence(e.Packing, e.T, e.order.At(e.first+i), tokens, targets)
}

// Package bpe is a byte-level byte-pair-encoding tokenizer (R. Sennrich, B.
// Haddow, A. Birch, arXiv:1508.07909, over bytes as in GPT-2) with its trainer.
//
// Ids: 0 is padding, 1 ends a document, 2 … 257 are the bytes 0 … 255, and the
// rest are merges in the order in which training found them. Every byte string
// can be encoded, and decoding returns exactly that string.
//
// Text is first cut into chunks (see [Chunk]); no token crosses from one chunk
// into the next.
package bpe

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
)

// Special tokens and the bounds of a vocabulary.
const (
	Pad       = 0
	EOS       = 1
	firstByte = 2
	firstID   = firstByte + 256 // the id of the first merge

	MinVocab = 512
	MaxVocab = 32000
)

// TrainerVersion changes whenever the same text would give another vocabulary
// or the same vocabulary would cut a text differently.
const TrainerVersion = 1

// A Merge joins two tokens into a new one.
type Merge struct{ Left, Right int32 }

// A Tokenizer encodes text. It is safe for concurrent use.
type Tokenizer struct {
	size   int
	merges []Merge
	bytes  [][]byte // per id; nil for specials
	ranks  map[Merge]int32
	digest string

	encoders sync.Pool // of *encoder: their caches of chunks
}

// New makes a tokenizer of a vocabulary size and its merges. Ids above the
// last merge are never produced.
func New(size int, merges []Merge) (*Tokenizer, error) {
	if size < MinVocab || size > MaxVocab {
		return nil, fmt.Errorf("bpe: a vocabulary of %d tokens: it must be between %d and %d", size, MinVocab, MaxVocab)
	}
	if len(merges) > size-firstID {
		return nil, fmt.Errorf("bpe: %d merges do not fit a vocabulary of %d tokens", len(merges), size)
	}
	t := &Tokenizer{size: size, merges: merges, ranks: make(map[Merge]int32, len(merges))}
	t.bytes = make([][]byte, firstByte, firstID+len(merges))
	for b := range 256 {
		t.bytes = append(t.bytes, []byte{byte(b)})
	}
	for i, m := range merges {
		id := int32(firstID + i)
		if m.Left < firstByte || m.Left >= id || m.Right < firstByte || m.Right >= id {
			return nil, fmt.Errorf("bpe: merge %d joins %d and %d, which are not tokens yet", i, m.Left, m.Right)
		}
		if _, twice := t.ranks[m]; twice {
			return nil, fmt.Errorf("bpe: merge %d joins %d and %d a second time", i, m.Left, m.Right)
		}
		joined := append(append([]byte(nil), t.bytes[m.Left]...), t.bytes[m.Right]...)
		if len(joined) > maxChunk {
			return nil, fmt.Errorf("bpe: merge %d gives a token of more than %d bytes", i, maxChunk)
		}
		t.bytes = append(t.bytes, joined)
		t.ranks[m] = id
	}
	t.digest = digest(size, merges)
	t.encoders.New = func() any { return newEncoder(t) }
	return t, nil
}

// digest identifies everything that determines the ids of a text.
func digest(size int, merges []Merge) string {
	h := sha256.New()
	fmt.Fprintf(h, "ranklab bpe %d\n%d %d\n", TrainerVersion, size, len(merges))
	var pair [8]byte
	for _, m := range merges {
		binary.LittleEndian.PutUint32(pair[:4], uint32(m.Left))
		binary.LittleEndian.PutUint32(pair[4:], uint32(m.Right))
		h.Write(pair[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Name is "bpe-" and the vocabulary size.
func (t *Tokenizer) Name() string { return fmt.Sprintf("bpe-%d", t.size) }

// Digest is the SHA-256 of what determines the ids of a text, in hex.
func (t *Tokenizer) Digest() string { return t.digest }

// VocabSize is the number of ids, used or not.
func (t *Tokenizer) VocabSize() int { return t.size }

// Used is the number of ids that can occur: fewer than VocabSize when the
// training text ran out of pairs.
func (t *Tokenizer) Used() int { return firstID + len(t.merges) }

// EOS is the id that ends a document.
func (t *Tokenizer) EOS() int32 { return EOS }

// Pad is the id that fills a sequence.
func (t *Tokenizer) Pad() int32 { return Pad }

// TokenBytes is the number of bytes of text that a token stands for; 0 for
// special and unused ids.
func (t *Tokenizer) TokenBytes(id int32) int {
	if id < 0 || int(id) >= len(t.bytes) {
		return 0
	}
	return len(t.bytes[id])
}

// Decode returns the text of tokens. Special, unused and unknown ids stand for
// nothing.
func (t *Tokenizer) Decode(ids []int32) []byte {
	var text []byte
	for _, id := range ids {
		if id >= 0 && int(id) < len(t.bytes) {
			text = append(text, t.bytes[id]...)
		}
	}
	return text
}

// Encode appends the tokens of text to dst, without an end token.
func (t *Tokenizer) Encode(dst []int32, text []byte) []int32 {
	e := t.encoders.Get().(*encoder)
	dst = e.encode(dst, text)
	t.encoders.Put(e)
	return dst
}

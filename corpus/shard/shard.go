// Package shard stores the tokens of a corpus split in one file that is read in
// place.
//
// All numbers are little-endian:
//
//	header   64 bytes: magic "ranklab tokens 1", then as uint64: bytes per
//	         token (2 or 4), tokens, documents, bytes of text; 16 bytes zero
//	tokens   uint16 or int32 each, padded with zeros to a multiple of 8 bytes
//	offsets  uint64 each, documents + 1 of them: document d is the tokens
//	         offsets[d] … offsets[d+1]-1, its end token last
package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	magic      = "ranklab tokens 1"
	headerSize = 64
)

// FormatVersion is part of the name under which shards are cached.
const FormatVersion = 1

// Counts are the sizes of a shard.
type Counts struct {
	Tokens    int64 // end tokens included
	Documents int64
	TextBytes int64
}

type header struct {
	width int64 // bytes per token
	Counts
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	for i, v := range [...]int64{h.width, h.Tokens, h.Documents, h.TextBytes} {
		binary.LittleEndian.PutUint64(b[len(magic)+8*i:], uint64(v))
	}
	return b
}

// offsetsAt is the position of the offsets, size that of the end.
func (h header) offsetsAt() int64 { return headerSize + (h.Tokens*h.width+7)/8*8 }
func (h header) size() int64      { return h.offsetsAt() + 8*(h.Documents+1) }

// decodeHeader checks a header against the size of its file.
func decodeHeader(b []byte, fileSize int64) (header, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return header{}, errors.New("not a token shard of this version")
	}
	v := func(i int) int64 { return int64(binary.LittleEndian.Uint64(b[len(magic)+8*i:])) }
	h := header{v(0), Counts{v(1), v(2), v(3)}}
	if h.width != 2 && h.width != 4 {
		return header{}, fmt.Errorf("tokens of %d bytes", h.width)
	}
	const limit = 1 << 48 // far from an overflow of size
	if h.Tokens < 0 || h.Tokens > limit || h.Documents < 0 || h.Documents > limit || h.TextBytes < 0 {
		return header{}, errors.New("impossible sizes in the header")
	}
	if h.size() != fileSize {
		return header{}, fmt.Errorf("the file has %d bytes instead of %d: it was cut or damaged", fileSize, h.size())
	}
	return h, nil
}

// width returns the bytes per token for a vocabulary.
func width(vocab int) int64 {
	if vocab <= 1<<16 {
		return 2
	}
	return 4
}

package bpe

import "math"

// cacheChunks bounds the cache of an encoder; a full cache is emptied.
const cacheChunks = 1 << 16

// An encoder remembers the tokens of the chunks it has seen.
type encoder struct {
	t     *Tokenizer
	cache map[string][]int32
}

func newEncoder(t *Tokenizer) *encoder {
	return &encoder{t, make(map[string][]int32)}
}

func (e *encoder) encode(dst []int32, text []byte) []int32 {
	for len(text) > 0 {
		n := Chunk(text)
		chunk := text[:n]
		text = text[n:]
		if n == 1 {
			dst = append(dst, firstByte+int32(chunk[0]))
			continue
		}
		ids, found := e.cache[string(chunk)]
		if !found {
			if len(e.cache) >= cacheChunks {
				clear(e.cache)
			}
			ids = e.t.merge(chunk)
			e.cache[string(chunk)] = ids
		}
		dst = append(dst, ids...)
	}
	return dst
}

// merge encodes one chunk: of all adjacent pairs that are merges, the one
// found first in training is joined, the leftmost among equals, until none is
// left.
func (t *Tokenizer) merge(chunk []byte) []int32 {
	const none = math.MaxInt32
	var (
		ids    [maxChunk]int32
		joined [maxChunk]int32 // joined[i]: the token of ids[i] and ids[i+1]
	)
	n := len(chunk)
	for i, b := range chunk {
		ids[i] = firstByte + int32(b)
	}
	pair := func(i int) {
		joined[i] = none
		if i+1 < n {
			if id, found := t.ranks[Merge{ids[i], ids[i+1]}]; found {
				joined[i] = id
			}
		}
	}
	for i := range n {
		pair(i)
	}
	for {
		best := 0
		for i := 1; i < n; i++ {
			if joined[i] < joined[best] {
				best = i
			}
		}
		if joined[best] == none {
			return append([]int32(nil), ids[:n]...)
		}
		ids[best] = joined[best]
		copy(ids[best+1:n-1], ids[best+2:n])
		copy(joined[best+1:n-1], joined[best+2:n])
		n--
		pair(best)
		if best > 0 {
			pair(best - 1)
		}
	}
}

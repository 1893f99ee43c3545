// Package ngram estimates n-gram language models with interpolated modified
// Kneser-Ney smoothing (S. F. Chen, J. Goodman, "An empirical study of smoothing
// techniques for language modeling", 1998, section 3): the baselines beside
// which a trained model is read.
package ngram

import (
	"math/bits"
	"slices"
)

// MaxOrder is the longest n-gram that fits a key with any vocabulary that has
// up to 2²¹ tokens.
const MaxOrder = 3

// An n-gram is packed into a key of n·width bits, its last token lowest, so
// that sorting keys groups n-grams by their context.
func width(vocab int) uint { return uint(bits.Len(uint(vocab - 1))) }

// batch is how many keys are gathered before they are sorted into the table.
const batch = 1 << 21

// A table holds the counts of n-grams in order of their keys.
type table struct {
	keys   []uint64
	counts []uint32
}

// A counter builds a table; its memory grows with the number of different
// n-grams, not with the text.
type counter struct {
	table
	recent []uint64
}

func (c *counter) add(key uint64) {
	if c.recent == nil {
		c.recent = make([]uint64, 0, batch)
	}
	if c.recent = append(c.recent, key); len(c.recent) == batch {
		c.flush()
	}
}

// flush merges the recent keys into the table.
func (c *counter) flush() {
	slices.Sort(c.recent)
	fresh := 0 // keys that the table lacks
	for i, j := 0, 0; i < len(c.recent); {
		key := c.recent[i]
		for i < len(c.recent) && c.recent[i] == key {
			i++
		}
		for j < len(c.keys) && c.keys[j] < key {
			j++
		}
		if j == len(c.keys) || c.keys[j] != key {
			fresh++
		}
	}
	// Merge from the end, so that the table grows in place.
	j, out := len(c.keys)-1, len(c.keys)+fresh-1
	c.keys = slices.Grow(c.keys, fresh)[:len(c.keys)+fresh]
	c.counts = slices.Grow(c.counts, fresh)[:len(c.counts)+fresh]
	for i := len(c.recent) - 1; i >= 0; out-- {
		if j >= 0 && c.keys[j] > c.recent[i] {
			c.keys[out], c.counts[out] = c.keys[j], c.counts[j]
			j--
			continue
		}
		key, n := c.recent[i], uint32(0)
		for i >= 0 && c.recent[i] == key {
			n++
			i--
		}
		if j >= 0 && c.keys[j] == key {
			n += c.counts[j]
			j--
		}
		c.keys[out], c.counts[out] = key, n
	}
	c.recent = c.recent[:0]
}

func (c *counter) finish() table {
	c.flush()
	c.recent = nil
	return c.table
}

// continuations counts, for each n-gram without its first token, the different
// tokens that stand before it.
func (t table) continuations(mask uint64) table {
	var c counter
	for _, key := range t.keys {
		c.add(key & mask)
	}
	return c.finish()
}

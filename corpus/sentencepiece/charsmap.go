package sentencepiece

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A charsmap is a precompiled normalization table: a double-array trie (in the
// format of Darts-clone) from byte strings to offsets into a blob of
// NUL-terminated replacements.
//
// On disk: the byte size of the trie as uint32, the trie's units as uint32,
// the blob; everything little-endian.
type charsmap struct {
	units []uint32
	blob  []byte
}

// maxReplacement bounds one replacement, and with it how much longer a text gets
// when it is normalized. The longest of Unicode's has 33 bytes (U+FDFA).
const maxReplacement = 256

func parseCharsmap(data []byte) (*charsmap, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) < 4 {
		return nil, errors.New("precompiled_charsmap: no trie")
	}
	size := binary.LittleEndian.Uint32(data)
	data = data[4:]
	if size%4 != 0 || size == 0 || uint64(size) >= uint64(len(data)) {
		return nil, errors.New("precompiled_charsmap: the trie does not fit")
	}
	c := &charsmap{units: make([]uint32, size/4), blob: data[size:]}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	if c.blob[len(c.blob)-1] != 0 {
		return nil, errors.New("precompiled_charsmap: the last replacement does not end")
	}
	for replacement := range bytes.SplitSeq(c.blob, []byte{0}) {
		if len(replacement) > maxReplacement {
			return nil, fmt.Errorf("precompiled_charsmap: a replacement has %d bytes, at most %d are expected", len(replacement), maxReplacement)
		}
	}
	c.blob = bytes.Clone(c.blob)
	return c, nil
}

// maxMatches is how many prefixes SentencePiece looks at for one position.
const maxMatches = 32

// longest returns the longest key that starts text and its replacement; n is
// 0 when no key does. Offsets that leave the arrays end the search, so that a
// damaged table cannot do harm.
func (c *charsmap) longest(text []byte) (replacement []byte, n int) {
	node := offset(c.units[0])
	value, matches := uint32(0), 0
	for i := 0; i < len(text) && matches < maxMatches; i++ {
		node ^= uint32(text[i])
		if uint64(node) >= uint64(len(c.units)) {
			break
		}
		unit := c.units[node]
		if unit&(1<<31|0xff) != uint32(text[i]) { // the label; a leaf has bit 31
			break
		}
		node ^= offset(unit)
		if unit>>8&1 != 0 { // has a leaf
			if uint64(node) >= uint64(len(c.units)) {
				break
			}
			value, n = c.units[node]&(1<<31-1), i+1
			matches++
		}
	}
	if n == 0 || uint64(value) >= uint64(len(c.blob)) {
		return nil, 0
	}
	replacement = c.blob[value:]
	return replacement[:bytes.IndexByte(replacement, 0)], n
}

// offset is the relative position of a unit's children.
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

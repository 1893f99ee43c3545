// Package sptest writes small SentencePiece models for tests.
package sptest

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
)

// Types of pieces, as in the file format.
const (
	Normal      = 1
	Unknown     = 2
	Control     = 3
	UserDefined = 4
	Unused      = 5
	Byte        = 6
)

// A Piece is an entry of a vocabulary.
type Piece struct {
	Text  string
	Score float32
	Type  int
}

// A Model describes a unigram model.
type Model struct {
	Pieces []Piece
	// Rules are the strings that normalization replaces.
	Rules map[string]string
	// Trainer, if not nil, adds fields to the trainer_spec.
	Trainer func(*Message)
	// Normalizer lists the fields of the normalizer_spec that are false: 3
	// add_dummy_prefix, 4 remove_extra_whitespaces, 5 escape_whitespaces.
	Normalizer []int
}

// T5 returns a model that is numbered like the 32,101-piece file of T5: four
// special pieces, the space symbol, the printable ASCII characters, each with
// and without a space before it, the given words after a space, and two
// sentinels. Tabs and line ends count as spaces.
func T5(words ...string) Model {
	m := Model{
		Pieces: []Piece{
			{"<pad>", 0, Control}, {"</s>", 0, Control}, {"<s>", 0, Control}, {"<unk>", 0, Unknown}, {"▁", -2, Normal},
		},
		Rules: map[string]string{"\t": " ", "\n": " ", "\r": " "},
	}
	for c := '!'; c <= '~'; c++ {
		m.Pieces = append(m.Pieces, Piece{string(c), -5, Normal}, Piece{"▁" + string(c), -6, Normal})
	}
	for _, w := range words {
		if len(w) > 1 {
			m.Pieces = append(m.Pieces, Piece{"▁" + w, -7, Normal})
		}
	}
	m.Pieces = append(m.Pieces, Piece{"▁<extra_id_1>", 0, UserDefined}, Piece{"▁<extra_id_0>", 0, UserDefined})
	return m
}

// Serialise returns the content of the .model file.
func (m Model) Serialise() []byte {
	var file Message
	for _, x := range m.Pieces {
		var p Message
		p.Bytes(1, []byte(x.Text))
		p.Float(2, x.Score)
		if x.Type != Normal { // the default
			p.Varint(3, uint64(x.Type))
		}
		file.Bytes(1, p)
	}
	var trainer Message
	trainer.Varint(3, 1) // unigram
	trainer.Bytes(1, []byte("an input file, which nobody reads"))
	if m.Trainer != nil {
		m.Trainer(&trainer)
	}
	file.Bytes(2, trainer)
	var n Message
	n.Bytes(1, []byte("made by a test"))
	if m.Rules != nil {
		n.Bytes(2, Charsmap(m.Rules))
	}
	for _, number := range m.Normalizer {
		n.Varint(number, 0)
	}
	file.Bytes(3, n)
	file.Varint(200, 7) // a field of a later version
	return file
}

// A Message is protocol-buffers wire data under construction.
type Message []byte

func (m *Message) key(number, wire int) {
	*m = binary.AppendUvarint(*m, uint64(number)<<3|uint64(wire))
}

// Varint appends a field of wire type 0.
func (m *Message) Varint(number int, v uint64) {
	m.key(number, 0)
	*m = binary.AppendUvarint(*m, v)
}

// Bytes appends a field of wire type 2.
func (m *Message) Bytes(number int, b []byte) {
	m.key(number, 2)
	*m = append(binary.AppendUvarint(*m, uint64(len(b))), b...)
}

// Float appends a field of wire type 5.
func (m *Message) Float(number int, v float32) {
	m.key(number, 5)
	*m = binary.LittleEndian.AppendUint32(*m, math.Float32bits(v))
}

// Charsmap compiles replacement rules: a double array in the format of
// Darts-clone, in which every node has a block of 256 slots for its children.
func Charsmap(rules map[string]string) []byte {
	var blob []byte
	units := make([]uint32, 256) // the root, in a block of its own
	var place func(node int, keys []string, depth int)
	place = func(node int, keys []string, depth int) {
		base := len(units)
		for c := range uint32(256) {
			units = append(units, c^1) // a free slot: no byte leads to it
		}
		units[node] |= uint32(node^base) << 10
		if keys[0][depth:] == "" {
			units[node] |= 1 << 8
			units[base] = 1<<31 | uint32(len(blob))
			blob = append(append(blob, rules[keys[0]]...), 0)
			keys = keys[1:]
		}
		for len(keys) > 0 {
			c, n := keys[0][depth], 1
			for n < len(keys) && keys[n][depth] == c {
				n++
			}
			units[base^int(c)] = uint32(c) // the label
			place(base^int(c), keys[:n], depth+1)
			keys = keys[n:]
		}
	}
	place(0, slices.Sorted(maps.Keys(rules)), 0)
	data := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		data = binary.LittleEndian.AppendUint32(data, u)
	}
	return append(data, blob...)
}

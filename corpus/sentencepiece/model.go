// Package sentencepiece reads SentencePiece unigram models (`.model` files) and
// encodes text as SentencePiece does: normalization by the precompiled
// character map, dummy prefix, removal of extra white space, and the
// segmentation of highest likelihood (T. Kudo, J. Richardson,
// arXiv:1808.06226; T. Kudo, arXiv:1804.10959).
//
// # The numbering of T5
//
// T5's vocabulary has 32,000 pieces: 0 <pad>, 1 </s>, 2 <unk>, 3 ▁, …. It is
// also in circulation as a file of 32,101 pieces, with <s> inserted at id 2 and
// 100 sentinels (<extra_id_0> …) at the end. A model that starts with <pad>,
// </s>, <s>, <unk> in this order gets T5's own ids: <s> is dropped and every
// later id is one lower. Sentinels are left out too, so that their names in a
// text are cut like any other text, as by the 32,000-piece file.
package sentencepiece

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"ranklab/internal/bounded"
)

// A Model is a unigram tokenizer. It is safe for concurrent use.
type Model struct {
	name   string
	digest string

	pieces        []piece // as in the file, without sentinels
	trie          *trie
	symbols       *trie // the strings of user-defined pieces, or nil
	charsmap      *charsmap
	space         string
	minScore      float32
	unk, eos, pad int32 // file ids
	t5            bool

	dummyPrefix, removeExtra bool

	scratch sync.Pool // of *scratch
}

// maxModelBytes bounds a .model file. Those of 250,000 pieces have 5 MB.
const maxModelBytes = 16 << 20

// Load reads a .model file.
func Load(path string) (*Model, error) {
	data, err := bounded.ReadFile(path, maxModelBytes)
	if err != nil {
		return nil, err
	}
	m, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse reads the content of a .model file. Models other than unigram, and
// those with byte fallback or white space as a suffix, are refused.
func Parse(data []byte) (*Model, error) {
	if len(data) > maxModelBytes {
		return nil, fmt.Errorf("not a SentencePiece model: it has %d bytes, at most %d are expected", len(data), maxModelBytes)
	}
	p, err := parseProto(data)
	if err != nil {
		return nil, fmt.Errorf("not a SentencePiece model: %w", err)
	}
	switch {
	case len(p.pieces) == 0:
		return nil, errors.New("not a SentencePiece model: it has no pieces")
	case p.modelType != 1:
		names := [...]string{2: "BPE", 3: "word", 4: "character"}
		name := fmt.Sprint("type ", p.modelType)
		if p.modelType < uint64(len(names)) && names[p.modelType] != "" {
			name = names[p.modelType]
		}
		return nil, fmt.Errorf("a SentencePiece %s model: only unigram models are supported", name)
	case p.byteFallback:
		return nil, errors.New("the model uses byte fallback, which is not supported")
	case p.suffix:
		return nil, errors.New("the model treats white space as a suffix, which is not supported")
	}
	m := &Model{space: " ", unk: -1, eos: -1, pad: -1, dummyPrefix: p.dummyPrefix, removeExtra: p.removeExtra}
	if p.escapeSpace {
		m.space = spaceSymbol
	}
	if m.charsmap, err = parseCharsmap(p.charsmap); err != nil {
		return nil, err
	}
	m.pieces = p.pieces
	if m.t5 = isT5(p.pieces); m.t5 {
		m.pieces = dropSentinels(p.pieces)
	}
	if err := m.index(p.eos, p.pad); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	m.digest = hex.EncodeToString(sum[:])
	m.name = fmt.Sprintf("sentencepiece-%d", m.VocabSize())
	m.scratch.New = func() any { return new(scratch) }
	return m, nil
}

// isT5 reports whether the T5 numbering applies.
func isT5(pieces []piece) bool {
	start := [...]piece{{"<pad>", 0, control}, {"</s>", 0, control}, {"<s>", 0, control}, {"<unk>", 0, unknown}}
	if len(pieces) < len(start) {
		return false
	}
	for i, want := range start {
		if pieces[i].text != want.text || pieces[i].kind != want.kind {
			return false
		}
	}
	return true
}

// dropSentinels cuts the user-defined <extra_id_…> pieces off the end.
func dropSentinels(pieces []piece) []piece {
	n := len(pieces)
	for n > 0 && pieces[n-1].kind == userDefined &&
		strings.HasPrefix(strings.TrimPrefix(pieces[n-1].text, spaceSymbol), "<extra_id_") {
		n--
	}
	return pieces[:n]
}

// maxPieceBytes bounds a piece, and with it the depth of the tries.
const maxPieceBytes = 1 << 12

// index builds the tries and finds the special pieces.
func (m *Model) index(eos, pad string) error {
	var words, symbols []entry
	seen := make(map[string]bool, len(m.pieces))
	scored := false
	for i, x := range m.pieces {
		id := int32(i)
		if x.text == "" || len(x.text) > maxPieceBytes {
			return fmt.Errorf("piece %d has %d bytes", i, len(x.text))
		}
		if seen[x.text] {
			return fmt.Errorf("piece %d, %q, occurs twice", i, x.text)
		}
		seen[x.text] = true
		switch x.kind {
		case unknown:
			if m.unk >= 0 {
				return fmt.Errorf("pieces %d and %d are both the unknown piece", m.unk, i)
			}
			m.unk = id
		case control:
			switch x.text {
			case eos:
				m.eos = id
			case pad:
				m.pad = id
			}
		case byteValue:
			return fmt.Errorf("piece %d, %q, is a byte, but the model has no byte fallback", i, x.text)
		default:
			words = append(words, entry{x.text, id})
			if x.kind == userDefined {
				symbols = append(symbols, entry{x.text, id})
			}
		}
		if x.kind == normal {
			if !scored {
				m.minScore, scored = x.score, true
			}
			m.minScore = min(m.minScore, x.score)
		}
	}
	switch {
	case m.unk < 0:
		return errors.New("the model has no unknown piece")
	case m.eos < 0:
		return fmt.Errorf("the model has no end-of-document piece %q", eos)
	case !scored:
		return errors.New("the model has no normal pieces")
	}
	if m.pad < 0 {
		m.pad = m.eos
	}
	m.trie = newTrie(words)
	if len(symbols) > 0 {
		m.symbols = newTrie(symbols)
	}
	return nil
}

// Name is "sentencepiece-" and the vocabulary size.
func (m *Model) Name() string { return m.name }

// Digest is the SHA-256 of the .model file, in hex.
func (m *Model) Digest() string { return m.digest }

// VocabSize is the number of ids.
func (m *Model) VocabSize() int { return int(m.public(int32(len(m.pieces)))) }

// EOS is the id of the end-of-document piece.
func (m *Model) EOS() int32 { return m.public(m.eos) }

// Pad is the id of the padding piece, or EOS where the model has none.
func (m *Model) Pad() int32 { return m.public(m.pad) }

// insertedPiece is the file id of the <s> that the T5 numbering drops.
const insertedPiece = 2

// public turns a file id into the id that users see.
func (m *Model) public(id int32) int32 {
	if m.t5 && id > insertedPiece {
		id--
	}
	return id
}

// piece returns the piece of an id that users see.
func (m *Model) piece(id int32) (piece, bool) {
	if m.t5 && id >= insertedPiece {
		id++
	}
	if id < 0 || int(id) >= len(m.pieces) {
		return piece{}, false
	}
	return m.pieces[id], true
}

// TokenBytes is the number of bytes of normalized text that a token stands
// for: U+2581 counts as the one byte of a space, the unknown piece as one byte
// (a lower bound), control pieces as none.
func (m *Model) TokenBytes(id int32) int {
	x, found := m.piece(id)
	switch {
	case !found || x.kind == control:
		return 0
	case x.kind == unknown:
		return 1
	}
	return len(x.text) - (len(spaceSymbol)-1)*strings.Count(x.text, spaceSymbol)
}

// Encode appends the tokens of text to dst, without an end token. Neighbouring
// unknown pieces are one token.
func (m *Model) Encode(dst []int32, text []byte) []int32 {
	s := m.scratch.Get().(*scratch)
	s.text = m.normalize(s.text[:0], text)
	ids := m.segment(s)
	for i := len(ids) - 1; i >= 0; i-- {
		if ids[i] == m.unk && i+1 < len(ids) && ids[i+1] == m.unk {
			continue
		}
		dst = append(dst, m.public(ids[i]))
	}
	m.scratch.Put(s)
	return dst
}

// Decode returns the text of tokens: normalized, without the dummy prefix, the
// unknown piece as " ⁇ ", control pieces as nothing.
func (m *Model) Decode(ids []int32) []byte {
	var text []byte
	first := true
	for _, id := range ids {
		x, found := m.piece(id)
		if !found || x.kind == control {
			continue
		}
		if x.kind == unknown {
			text = append(text, " ⁇ "...)
		} else {
			s := x.text
			if first && m.dummyPrefix {
				s = strings.TrimPrefix(s, m.space)
			}
			text = append(text, strings.ReplaceAll(s, spaceSymbol, " ")...)
		}
		first = false
	}
	return bytes.Clone(text)
}

package sentencepiece

import (
	"testing"

	"ranklab/corpus/sentencepiece/sptest"
)

// A spec describes a model to serialise.
type spec struct {
	pieces   []piece
	rules    map[string]string // of the charsmap
	trainer  func(*sptest.Message)
	keep     bool // remove_extra_whitespaces = false
	noPrefix bool // add_dummy_prefix = false
	noEscape bool // escape_whitespaces = false
}

func (s spec) serialise() []byte {
	m := sptest.Model{Rules: s.rules, Trainer: s.trainer}
	for _, p := range s.pieces {
		m.Pieces = append(m.Pieces, sptest.Piece{Text: p.text, Score: p.score, Type: int(p.kind)})
	}
	for i, off := range [...]bool{s.noPrefix, s.keep, s.noEscape} {
		if off {
			m.Normalizer = append(m.Normalizer, 3+i)
		}
	}
	return m.Serialise()
}

// small is a model with every kind of piece. Its scores are sums of few
// powers of two, so that sums are exact and ties real.
func small() spec {
	return spec{
		pieces: []piece{
			{"<unk>", 0, unknown}, {"<s>", 0, control}, {"</s>", 0, control}, {"<pad>", 0, control},
			{"▁", -2, normal}, {"a", -3, normal}, {"b", -3.5, normal}, {"ab", -4, normal}, {"▁a", -4.5, normal},
			{"ba", -5, normal}, {"aba", -7.25, normal}, {"語", -6, normal}, {"▁語", -7, normal}, {"bb", -1, unused},
			{"[X]", 0, userDefined}, {"é", -6.5, normal}, {"1/2", -8, normal}, {"/", -6, normal}, {"1", -6, normal},
		},
		rules: map[string]string{
			"\t": " ", "\n": " ", "\u3000": " ", "Ａ": "a", "½": "1/2", "e\u0301": "é", "\u200b": "", "…": "a b", "ﷺ": "  ", "A": "a", "\u00ad": "",
		},
	}
}

func mustParse(t testing.TB, s spec) *Model {
	t.Helper()
	m, err := Parse(s.serialise())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

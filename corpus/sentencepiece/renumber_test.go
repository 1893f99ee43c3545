package sentencepiece_test

import (
	"bytes"
	"slices"
	"testing"

	"ranklab/corpus/sentencepiece"
	"ranklab/corpus/sentencepiece/sptest"
)

// TestRenumber: the renumbered file of a T5 model has, read without the rule of
// T5, the ids that the model has with it; other files stay.
func TestRenumber(t *testing.T) {
	data := sptest.T5("rank", "matrix").Serialise()
	m, err := sentencepiece.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	file, err := sentencepiece.Renumber(data)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := sentencepiece.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"the rank of a matrix", "", "x  y\tz ü <extra_id_0> <s> </s>"} {
		if got, want := plain.Encode(nil, []byte(text)), m.Encode(nil, []byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: ids %v, want %v", text, got, want)
		}
	}
	if plain.VocabSize() != m.VocabSize() || plain.EOS() != m.EOS() || plain.Pad() != m.Pad() || len(file) >= len(data) {
		t.Errorf("%d pieces, want %d", plain.VocabSize(), m.VocabSize())
	}
	if unk, eos, pad := plain.Special(); unk != "<unk>" || eos != "</s>" || pad != "<pad>" {
		t.Errorf("special pieces %q %q %q", unk, eos, pad)
	}
	again, err := sentencepiece.Renumber(file)
	if err != nil || !bytes.Equal(again, file) {
		t.Errorf("a file with its own numbering changed: %v", err)
	}
	if _, err := sentencepiece.Renumber([]byte("no model")); err == nil {
		t.Error("any bytes are renumbered")
	}
}

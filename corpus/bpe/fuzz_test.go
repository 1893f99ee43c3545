package bpe

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/internal/bounded/boundedtest"
)

// FuzzLoad reads arbitrary bytes as a vocabulary. One that is accepted encodes
// any text and returns it, and is the same one after it was saved.
func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	path, copied := filepath.Join(dir, "v.json"), filepath.Join(dir, "again.json")
	for _, merges := range [][]Merge{nil, {{99, 100}, {258, 258}, {2, 257}}} {
		tok, err := New(MinVocab, merges)
		if err != nil {
			f.Fatal(err)
		}
		if err := tok.Save(path, "text"); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
		for _, merges := range []string{`[[0,1]]`, `[[258,2]]`, `[[-1,2]]`, `[[2]]`, `[[2,3,4]]`, `[null]`, `null`, `[[2147483648,2]]`, `[[2,3],[2,3]]`} {
			f.Add(append(append([]byte{}, data[:bytes.Index(data, []byte(`"merges":`))+9]...), merges+"}"...))
		}
	}
	f.Add([]byte(`{"format":"ranklab-bpe","trainer_version":1,"vocab_size":9223372036854775807,"merges":[]}`))
	f.Add([]byte(`[{}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var tok *Tokenizer
		var err error
		boundedtest.AtMost(t, 500*int64(len(data)), func() { tok, err = Load(path) })
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		text := append([]byte("ab \x00\xff語 "), data...)
		ids := tok.Encode(nil, text)
		for _, id := range ids {
			if id < firstByte || int(id) >= tok.Used() || tok.Used() > tok.VocabSize() || tok.VocabSize() > MaxVocab || tok.TokenBytes(id) > maxChunk {
				t.Fatalf("id %d of %d", id, tok.VocabSize())
			}
		}
		if got := tok.Decode(ids); !bytes.Equal(got, text) {
			t.Fatalf("%q came back as %q", text, got)
		}
		if err := tok.Save(copied, "text"); err != nil {
			t.Fatal(err)
		}
		again, err := Load(copied)
		if err != nil || again.Digest() != tok.Digest() || again.VocabSize() != tok.VocabSize() {
			t.Fatalf("saved and loaded: %v", err)
		}
	})
}

func TestLargeVocabularyIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.json")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

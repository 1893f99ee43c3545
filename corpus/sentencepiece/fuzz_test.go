package sentencepiece

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ranklab/corpus/sentencepiece/sptest"
	"ranklab/internal/bounded/boundedtest"
)

var update = flag.Bool("update", false, "write the seeds of the fuzz targets")

// seeds are inputs for FuzzParse: whole models and damaged ones.
func seeds() map[string][]byte {
	s := small()
	s.rules = map[string]string{"\t": " "} // the charsmap of a test is large
	whole := s.serialise()
	noMap := small()
	noMap.rules = nil
	plain := noMap.serialise()
	flipped := bytes.Clone(whole)
	for i := 300; i < len(flipped); i += 97 {
		flipped[i] ^= 0x41
	}
	return map[string][]byte{
		"plain":         plain,
		"t5":            t5().serialise(),
		"charsmap":      whole,
		"flipped":       flipped,
		"cut":           plain[:len(plain)/2],
		"huge_length":   {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"long_varint":   bytes.Repeat([]byte{0xff}, 20),
		"field_zero":    {0x00, 0x00},
		"group":         {0x0b, 0x0c},
		"empty_piece":   {0x0a, 0x00},
		"only_charsmap": {0x1a, 0x0b, 0x12, 0x09, 0x04, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00},
	}
}

// TestSeeds keeps the committed seeds equal to what the tests build.
func TestSeeds(t *testing.T) {
	dir := filepath.Join("testdata", "fuzz", "FuzzParse")
	for name, data := range seeds() {
		path, want := filepath.Join(dir, name), fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", data)
		if *update {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("seed %s is not what the test builds (go test -update writes it): %v", name, err)
		}
	}
}

// FuzzParse reads arbitrary bytes as a model and uses what it gets: ids lie in
// the vocabulary and stand for no more than the normalized text, which is at
// most as much longer than the text as replacements are.
func FuzzParse(f *testing.F) {
	for _, data := range seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m *Model
		var err error
		boundedtest.AtMost(t, 1000*int64(len(data)), func() { m, err = Parse(data) })
		if err != nil {
			return
		}
		text := []byte("aba \t語 ½ [X]\x00\xff😀" + string(data[:min(len(data), 64)]))
		normalized := len(m.normalize(nil, text))
		if most := len(spaceSymbol) * (1 + maxReplacement*len(text)); normalized > most {
			t.Fatalf("%d bytes became %d", len(text), normalized)
		}
		ids := m.Encode(nil, text)
		stands := 0
		for _, id := range ids {
			if id < 0 || int(id) >= m.VocabSize() {
				t.Fatalf("id %d of %d", id, m.VocabSize())
			}
			stands += m.TokenBytes(id)
		}
		if stands > normalized {
			t.Fatalf("the tokens stand for %d bytes of %d", stands, normalized)
		}
		again, err := Renumber(data)
		if err != nil {
			t.Fatal(err)
		}
		other, err := Parse(again)
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if same := other.Encode(nil, text); !slices.Equal(ids, same) {
			t.Fatalf("ids %v, and %v of the model that was written again", ids, same)
		}
		m.Decode(ids)
		if m.TokenBytes(m.EOS()) != 0 || m.TokenBytes(m.Pad()) != 0 {
			t.Fatal("a special piece stands for text")
		}
	})
}

// FuzzCharsmap looks arbitrary text up in arbitrary tables.
func FuzzCharsmap(f *testing.F) {
	table := sptest.Charsmap(map[string]string{"a": "b", "ab": "", "é": "e", "½": "1/2"})
	f.Add(table, []byte("abé½ a"))
	f.Add(table[:len(table)-1], []byte("a"))
	f.Add(sptest.Charsmap(map[string]string{"a": string(bytes.Repeat([]byte("x"), maxReplacement+1))}), []byte("a"))
	f.Add([]byte{4, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0}, []byte("a"))
	f.Add([]byte{0xfc, 0xff, 0xff, 0xff, 0}, []byte("a"))
	f.Fuzz(func(t *testing.T, data, text []byte) {
		var c *charsmap
		var err error
		boundedtest.AtMost(t, 4*int64(len(data)), func() { c, err = parseCharsmap(data) })
		if c == nil || err != nil {
			return
		}
		for i := range text {
			s, n := c.longest(text[i:])
			if n < 0 || n > len(text)-i || len(s) > maxReplacement || bytes.IndexByte(s, 0) >= 0 {
				t.Fatalf("%q: %d bytes become %q", text[i:], n, s)
			}
		}
	})
}

// FuzzEncode reads arbitrary text with the small model.
func FuzzEncode(f *testing.F) {
	m := mustParse(f, small())
	f.Add([]byte("ab  ½ 語\t[X] e\u0301 \xff\x00 ﷺ"))
	f.Fuzz(func(t *testing.T, text []byte) {
		ids := m.Encode(nil, text)
		for i, id := range ids {
			if id < 0 || int(id) >= m.VocabSize() || m.pieces[id].kind == control || m.pieces[id].kind == unused {
				t.Fatalf("id %d in %v", id, ids)
			}
			if i > 0 && id == m.unk && ids[i-1] == m.unk {
				t.Fatalf("two unknown tokens side by side in %v", ids)
			}
		}
	})
}

package bpe

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func cut(text string) []string {
	var chunks []string
	for b := []byte(text); len(b) > 0; {
		n := Chunk(b)
		chunks = append(chunks, string(b[:n]))
		b = b[n:]
	}
	return chunks
}

func TestChunk(t *testing.T) {
	for text, want := range map[string][]string{
		"func (t *T) Add_2(x int) {\n\t\treturn x+1234\n}\n": {"func", " (", "t", " *", "T", ")", " Add_", "2", "(", "x", " int", ")", " {", "\n\t\t", "return", " x", "+", "123", "4", "\n", "}", "\n"},
		"a   b":                 {"a", "  ", " b"},
		"a  \n":                 {"a", "  \n"},
		"\n    if":              {"\n   ", " if"},
		" ":                     {" "},
		" \t":                   {" \t"},
		"Ça va “bien” 12345":    {"Ça", " va", " “", "bien", "”", " 123", "45"},
		"日本語。はい":                {"日本語", "。", "はい"},
		"\xff\xfea":             {"\xff\xfea"},
		strings.Repeat("é", 40): {strings.Repeat("é", 32), strings.Repeat("é", 8)},
		strings.Repeat("語", 40): {strings.Repeat("語", 21), strings.Repeat("語", 19)},
	} {
		if got := cut(text); !slices.Equal(got, want) {
			t.Errorf("chunks of %q: %q, want %q", text, got, want)
		}
	}
}

func TestChunksCoverTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		for rest := text; len(rest) > 0; {
			n := Chunk(rest)
			if n < 1 || n > maxChunk || n > len(rest) {
				t.Fatalf("chunk of %d bytes in %q", n, rest)
			}
			rest = rest[n:]
		}
	})
}

// naiveMerges trains by counting everything anew before each merge.
func naiveMerges(texts [][]byte, size int) []Merge {
	var words [][]int32
	for _, text := range texts {
		for len(text) > 0 {
			n := Chunk(text)
			var w []int32
			for _, b := range text[:n] {
				w = append(w, firstByte+int32(b))
			}
			words = append(words, w)
			text = text[n:]
		}
	}
	names := make([]string, firstID)
	for b := range 256 {
		names[firstByte+b] = string([]byte{byte(b)})
	}
	var merges []Merge
	for len(merges) < size-firstID {
		// Occurrences that overlap, as in "aaa", count as often as they stand there.
		counts := make(map[Merge]int)
		for _, w := range words {
			for i := 0; i+1 < len(w); i++ {
				counts[Merge{w[i], w[i+1]}]++
			}
		}
		var best Merge
		found := false
		for m, n := range counts {
			if n < 2 {
				continue
			}
			b := counts[best]
			less := names[m.Left] < names[best.Left] || names[m.Left] == names[best.Left] &&
				(names[m.Right] < names[best.Right] || names[m.Right] == names[best.Right] &&
					(m.Left < best.Left || m.Left == best.Left && m.Right < best.Right))
			if !found || n > b || n == b && less {
				best, found = m, true
			}
		}
		if !found {
			break
		}
		id := int32(firstID + len(merges))
		merges = append(merges, best)
		names = append(names, names[best.Left]+names[best.Right])
		for k, w := range words {
			var out []int32
			for i := 0; i < len(w); i++ {
				if i+1 < len(w) && w[i] == best.Left && w[i+1] == best.Right {
					out = append(out, id)
					i++
				} else {
					out = append(out, w[i])
				}
			}
			words[k] = out
		}
	}
	return merges
}

func TestTrainMatchesRecounting(t *testing.T) {
	texts := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune("aab  c\n{}1é")), 0, 60, -1), 1, 8)
	rapid.Check(t, func(t *rapid.T) {
		counts := NewCounts()
		var all [][]byte
		for _, text := range texts.Draw(t, "texts") {
			counts.Add([]byte(text))
			all = append(all, []byte(text))
		}
		got, err := Train(counts, MinVocab, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := naiveMerges(all, MinVocab); !slices.Equal(got.merges, want) {
			t.Fatalf("merges %v, want %v", got.merges, want)
		}
	})
}

// source is a text with enough variety for a small vocabulary.
func source(t testing.TB) []byte {
	t.Helper()
	var all []byte
	for _, name := range []string{"bpe.go", "chunk.go", "encode.go", "train.go", "file.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}

func trained(t testing.TB) *Tokenizer {
	t.Helper()
	counts := NewCounts()
	counts.Add(source(t))
	tok, err := Train(counts, 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestCountsInAnyOrder(t *testing.T) {
	text := source(t)
	a, b := NewCounts(), NewCounts()
	a.Add(text[:3000])
	b.Add(text[3000:])
	b.Merge(a)
	c := NewCounts()
	c.Add(text[3000:])
	c.Add(text[:3000])
	one, err := Train(b, 800, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Train(c, 800, nil)
	if err != nil {
		t.Fatal(err)
	}
	if one.Digest() != two.Digest() {
		t.Error("the vocabulary depends on the order of the texts")
	}
}

// TestMergesReplayTraining checks that encoding the training text is what
// applying the merges one after the other gives.
func TestMergesReplayTraining(t *testing.T) {
	tok := trained(t)
	for _, chunk := range cut(string(source(t)))[:3000] {
		want := make([]int32, 0, len(chunk))
		for _, b := range []byte(chunk) {
			want = append(want, firstByte+int32(b))
		}
		for k, m := range tok.merges {
			for i := 0; i+1 < len(want); i++ {
				if want[i] == m.Left && want[i+1] == m.Right {
					want[i] = int32(firstID + k)
					want = slices.Delete(want, i+1, i+2)
				}
			}
		}
		if got := tok.Encode(nil, []byte(chunk)); !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", chunk, got, want)
		}
	}
}

func TestEncodeCompresses(t *testing.T) {
	tok, text := trained(t), source(t)
	ids := tok.Encode(nil, text)
	if got := float64(len(text)) / float64(len(ids)); got < 2.5 {
		t.Errorf("%.2f bytes per token on the training text", got)
	}
	bytes := 0
	for _, id := range ids {
		bytes += tok.TokenBytes(id)
	}
	if bytes != len(text) {
		t.Errorf("the tokens stand for %d bytes, the text has %d", bytes, len(text))
	}
	if tok.TokenBytes(EOS)+tok.TokenBytes(Pad)+tok.TokenBytes(-1)+tok.TokenBytes(5000) != 0 {
		t.Error("a token without text has bytes")
	}
}

func TestRoundTrip(t *testing.T) {
	tok := trained(t)
	words := rapid.SampledFrom([]string{"func", "return", "  ", "\n\t", "trainer", "é", "語", "\x80", "\x00", "1234", "==", "\xf0\x9f\x98"})
	rapid.Check(t, func(t *rapid.T) {
		text := append(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), strings.Join(rapid.SliceOf(words).Draw(t, "words"), "")...)
		prefix := []int32{7}
		ids := tok.Encode(prefix, text)
		if ids[0] != 7 {
			t.Fatal("Encode does not append")
		}
		if got := tok.Decode(ids[1:]); !bytes.Equal(got, text) {
			t.Fatalf("%q came back as %q", text, got)
		}
		for _, id := range ids[1:] {
			if id < firstByte || int(id) >= tok.Used() {
				t.Fatalf("id %d in a vocabulary of %d", id, tok.Used())
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	tok := trained(f)
	f.Add([]byte("package main\n\nfunc main() {\n\tprintln(\"héllo\")\n}\n"))
	f.Add([]byte{0, 0xff, ' ', 0xe2, 0x96})
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := tok.Decode(tok.Encode(nil, text)); !bytes.Equal(got, text) {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}

func TestSaveAndLoad(t *testing.T) {
	tok := trained(t)
	path := filepath.Join(t.TempDir(), "v.json")
	if err := tok.Save(path, "digest of the text"); err != nil {
		t.Fatal(err)
	}
	back, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if back.Digest() != tok.Digest() || back.Name() != "bpe-1000" || back.VocabSize() != 1000 {
		t.Errorf("%s %s came back as %s %s", tok.Name(), tok.Digest(), back.Name(), back.Digest())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]string{
		"another merge":  strings.Replace(string(data), `"merges":[[`, `"merges":[[3,4],[`, 1),
		"another size":   strings.Replace(string(data), `"vocab_size":1000`, `"vocab_size":1001`, 1),
		"cut short":      string(data[:len(data)/2]),
		"forward merge":  strings.Replace(string(data), `"merges":[[`, `"merges":[[999,999],[`, 1),
		"version":        strings.Replace(string(data), `"trainer_version":1`, `"trainer_version":0`, 1),
		"not JSON":       "hello",
		"out of range":   strings.Replace(string(data), `"vocab_size":1000`, `"vocab_size":99`, 1),
		"special merged": strings.Replace(string(data), `"merges":[[`, `"merges":[[0,1],[`, 1),
	} {
		if damage == string(data) {
			t.Fatalf("%s: nothing was damaged", name)
		}
		if err := os.WriteFile(path, []byte(damage), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSmallText(t *testing.T) {
	counts := NewCounts()
	counts.Add([]byte("ab ab ab"))
	tok, err := Train(counts, 512, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tok.VocabSize() != 512 || tok.Used() != firstID+2 { // "ab", " ab"
		t.Errorf("%d ids, %d used", tok.VocabSize(), tok.Used())
	}
	for _, size := range []int{511, 32001} {
		if _, err := Train(counts, size, nil); err == nil {
			t.Errorf("a vocabulary of %d was accepted", size)
		}
	}
}

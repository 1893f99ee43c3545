package shard

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/internal/bounded/boundedtest"
)

const fuzzVocab = 512

// FuzzOpen opens arbitrary bytes as a shard. Of one that is accepted, everything
// can be read, mapped or not; written again, it is the same shard.
func FuzzOpen(f *testing.F) {
	for _, documents := range [][][]int32{nil, {{3}}, {{3, 511}, {}, {7, 7, 7}}} {
		good, err := os.ReadFile(write(f, fuzzVocab, documents))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(good)
		f.Add(good[:len(good)-1])
		for _, at := range []int{16, 24, 32, 40, headerSize, len(good) - 8, len(good) - 16} {
			damaged := slices.Clone(good)
			damaged[at] ^= 0x81
			f.Add(damaged)
		}
	}
	good, err := os.ReadFile(write(f, fuzzVocab, [][]int32{{3, 511}, {4}, {7, 7, 7}}))
	if err != nil {
		f.Fatal(err)
	}
	copy(good[len(good)-3*8:], good[len(good)-2*8:len(good)-8]) // the second document ends where the third does
	f.Add(good)
	huge := header{width: 2, Counts: Counts{Tokens: 1 << 47, Documents: 1 << 47}}
	f.Add(huge.encode())
	path := filepath.Join(f.TempDir(), "x.tok") // one per process: workers are processes
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		shards := make(map[string]*File)
		for name, open := range map[string]func(string, int) (*File, error){"mapped": Open, "plain": unmapped} {
			var s *File
			var err error
			boundedtest.AtMost(t, 1<<18, func() { s, err = open(path, fuzzVocab) })
			if err != nil {
				if !strings.Contains(err.Error(), path) {
					t.Fatalf("the error does not name the file: %v", err)
				}
				continue
			}
			defer s.Close()
			shards[name] = s
		}
		if (shards["mapped"] == nil) != (shards["plain"] == nil) {
			t.Fatal("accepted in one way and refused in the other")
		}
		if shards["plain"] == nil {
			return
		}
		documents := contents(t, shards["plain"])
		if again := contents(t, shards["mapped"]); !slices.EqualFunc(documents, again, slices.Equal) {
			t.Fatal("mapped, other tokens are read")
		}
		rewrite(t, shards["plain"].Counts(), data[16], documents)
	})
}

// contents reads all documents of a shard.
func contents(t *testing.T, f *File) [][]int32 {
	var documents [][]int32
	c := f.Counts()
	next := int64(0)
	for d := range int(c.Documents) {
		first, n := f.Document(d)
		if first != next || n < 1 {
			t.Fatalf("document %d is the %d tokens from %d, want from %d", d, n, first, next)
		}
		tokens := make([]int32, n)
		f.Read(tokens, first)
		for _, token := range tokens {
			if token < 0 || token >= fuzzVocab {
				t.Fatalf("token %d", token)
			}
		}
		documents, next = append(documents, tokens), first+int64(n)
	}
	if next != c.Tokens {
		t.Fatalf("the documents hold %d of %d tokens", next, c.Tokens)
	}
	return documents
}

// rewrite writes documents again, those that end in token 1 as the writer's, and
// reads them back.
func rewrite(t *testing.T, c Counts, width byte, documents [][]int32) {
	if slices.ContainsFunc(documents, func(d []int32) bool { return d[len(d)-1] != 1 }) || width != 2 {
		return // no document of the writer
	}
	var without [][]int32
	for _, d := range documents {
		without = append(without, d[:len(d)-1])
	}
	s, err := Open(write(t, fuzzVocab, without), fuzzVocab)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Counts(); got.Tokens != c.Tokens || got.Documents != c.Documents || !slices.EqualFunc(contents(t, s), documents, slices.Equal) {
		t.Fatalf("written again: %+v, want %+v", got, c)
	}
}

func TestDamageIsExplained(t *testing.T) {
	path := write(t, fuzzVocab, [][]int32{{3, 4}, {5}})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint16(data[headerSize+2:], 600)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, fuzzVocab); err == nil || !strings.Contains(err.Error(), "token 1 is 600, beyond a vocabulary of 512") {
		t.Errorf("error %v", err)
	}
}

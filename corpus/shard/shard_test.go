package shard

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// write makes a shard of documents and returns its path.
func write(t testing.TB, vocab int, documents [][]int32) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "x.tok"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWriter(f, vocab, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		if err := w.Add(d, 3*len(d)); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if counts.Documents != int64(len(documents)) {
		t.Fatalf("%d documents written, want %d", counts.Documents, len(documents))
	}
	return f.Name()
}

func randomDocuments(vocab, n int) [][]int32 {
	r := rand.New(rand.NewPCG(1, 2))
	documents := make([][]int32, n)
	for d := range documents {
		documents[d] = make([]int32, r.IntN(20_000/n))
		for i := range documents[d] {
			documents[d][i] = r.Int32N(int32(vocab))
		}
	}
	return documents
}

// unmapped opens a shard as systems without mmap do.
func unmapped(path string, vocab int) (*File, error) {
	return open(path, vocab, func(*os.File, int64) ([]byte, error) { return nil, nil })
}

func TestRoundTrip(t *testing.T) {
	for _, vocab := range []int{512, 1 << 16, 1<<16 + 1, 1 << 20} {
		for _, n := range []int{1, 7, 100} {
			documents := randomDocuments(vocab, n)
			path := write(t, vocab, documents)
			for name, open := range map[string]func(string, int) (*File, error){"mapped": Open, "plain": unmapped} {
				f, err := open(path, vocab)
				if err != nil {
					t.Fatal(err)
				}
				var all []int32
				for d, want := range documents {
					want = append(slices.Clone(want), 1)
					first, k := f.Document(d)
					if first != int64(len(all)) {
						t.Fatalf("%s: document %d starts at %d, want %d", name, d, first, len(all))
					}
					got := make([]int32, k)
					f.Read(got, first)
					if !slices.Equal(got, want) {
						t.Fatalf("%s: document %d came back differently", name, d)
					}
					all = append(all, want...)
				}
				got := make([]int32, len(all))
				f.Read(got, 0)
				if c := f.Counts(); !slices.Equal(got, all) || c.Tokens != int64(len(all)) || c.TextBytes != 3*int64(len(all)-n) {
					t.Errorf("%s: the shard came back differently: %+v", name, c)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	path := write(t, 512, randomDocuments(512, 10))
	for name, open := range map[string]func(string, int) (*File, error){"mapped": Open, "plain": unmapped} {
		f, err := open(path, 512)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		dst := make([]int32, 300)
		if n := testing.AllocsPerRun(100, func() {
			first, _ := f.Document(3)
			f.Read(dst, first)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestEmptyShard(t *testing.T) {
	f, err := Open(write(t, 512, nil), 512)
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Counts(); c != (Counts{}) {
		t.Errorf("counts %+v", c)
	}
	f.Read(nil, 0)
	f.Close()
}

func TestDamageIsFound(t *testing.T) {
	path := write(t, 512, randomDocuments(512, 5))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(b []byte) []byte{
		"empty":          func(b []byte) []byte { return nil },
		"cut":            func(b []byte) []byte { return b[:len(b)-1] },
		"header only":    func(b []byte) []byte { return b[:headerSize] },
		"longer":         func(b []byte) []byte { return append(b, 0) },
		"magic":          func(b []byte) []byte { b[0] ^= 1; return b },
		"width":          func(b []byte) []byte { b[16] = 3; return b },
		"huge":           func(b []byte) []byte { binary.LittleEndian.PutUint64(b[24:], 1<<63-1); return b },
		"negative":       func(b []byte) []byte { binary.LittleEndian.PutUint64(b[32:], 1<<63); return b },
		"token":          func(b []byte) []byte { binary.LittleEndian.PutUint16(b[headerSize+2:], 512); return b },
		"first offset":   func(b []byte) []byte { b[len(b)-6*8] ^= 1; return b },
		"empty document": func(b []byte) []byte { copy(b[len(b)-3*8:], b[len(b)-4*8:len(b)-3*8]); return b },
		"far offset":     func(b []byte) []byte { b[len(b)-2*8+7] = 0x80; return b },
		"last offset":    func(b []byte) []byte { b[len(b)-8] ^= 1; return b },
		"never finished": func(b []byte) []byte { clear(b[:headerSize]); return b },
	} {
		if err := os.WriteFile(path, damage(slices.Clone(good)), 0o644); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(path, 512); err == nil {
			f.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTokenOutsideOfVocabulary(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "x.tok"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWriter(f, 512, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []int32{-1, 1 << 16} {
		if err := w.Add([]int32{token}, 1); err == nil {
			t.Errorf("token %d was written as uint16", token)
		}
	}
}

package corpus

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// prose generates n different documents of pseudo-words from a seed.
func prose(seed uint64, n int) map[string]string {
	r := rand.New(rand.NewPCG(seed, 17))
	syllables := strings.Fields("ba ke lo mi nu par sen tor vi wa xe yo zu grad low rank")
	words := make([]string, 400)
	for i := range words {
		for range 1 + r.IntN(3) {
			words[i] += syllables[r.IntN(len(syllables))]
		}
	}
	files := make(map[string]string)
	for i := range n {
		var b strings.Builder
		for range 40 + r.IntN(300) {
			b.WriteString(words[min(r.IntN(len(words)), r.IntN(len(words)))])
			b.WriteString([...]string{" ", " ", " ", ", ", ".\n", "\n\t"}[r.IntN(6)])
		}
		files[fmt.Sprintf("d%d/text%03d.txt", i%3, i)] = b.String()
	}
	return files
}

// folder writes files that are old enough to be cached by their times.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// c4Lines is the content of a shard.
func c4Lines(texts ...string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, text := range texts {
		line, _ := json.Marshal(map[string]string{"text": text})
		z.Write(append(line, '\n'))
	}
	z.Close()
	return b.String()
}

// textOptions are the options that most tests start from.
func textOptions(t testing.TB, dir string) Options {
	return Options{
		Source: SourceText, Paths: []string{dir}, ValFraction: 0.15, Packing: PackingConcat,
		Tokenizer: TokenizerBPE, VocabSize: 600, CacheDir: t.TempDir(),
	}
}

func prepare(t testing.TB, o Options) *Set {
	t.Helper()
	s, err := Prepare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// documents returns the tokens of each document of a split, end token last.
func documents(s Split) [][]int32 {
	var all [][]int32
	for d := range int(s.file.Counts().Documents) {
		first, n := s.file.Document(d)
		tokens := make([]int32, n)
		s.file.Read(tokens, first)
		all = append(all, tokens)
	}
	return all
}

package corpus

import (
	"os"
	"testing"

	"ranklab/corpus/source"
)

// TestGonum prepares the default corpus's first module, which the build has
// already fetched.
func TestGonum(t *testing.T) {
	if os.Getenv("RANKLAB_FULL") == "" {
		t.Skip("takes seconds and needs a module cache or a network: set RANKLAB_FULL=1")
	}
	s := prepare(t, Options{
		Source: SourceGoModules, Modules: []string{"gonum.org/v1/gonum@v0.17.0"}, ValFraction: 0.05,
		Packing: PackingConcat, Tokenizer: TokenizerBPE, VocabSize: 2048, CacheDir: t.TempDir(),
	})
	m := s.Manifest
	if want := "h1:VbpOemQlsSMrYmn7T2OUvQ4dqxQXU+ouZFQsZOx50z4="; len(m.Modules) != 1 || m.Modules[0].Sum != want {
		t.Errorf("modules %+v, want the sum %s", m.Modules, want)
	}
	if want := "01ec4e8e4dc4af90df14b92d76daa6f5c60c846ecc1a1bb12c3e4e2223119914"; m.Digest != want {
		t.Errorf("digest %s, want %s", m.Digest, want)
	}
	for _, reason := range []string{source.Generated, source.Test, source.NearDuplicate} {
		if m.Documents.Dropped[reason] == 0 {
			t.Errorf("nothing was left out as %s", reason)
		}
	}
	e := EvalSet(s.Val, PackingConcat, 128, 50_000)
	b, err := s.Ngrams(t.Context(), e, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !(b[0].Loss > b[1].Loss+1 && b[1].Loss > b[2].Loss+0.3) {
		t.Errorf("baselines %+v: longer contexts should help a lot", b)
	}
}

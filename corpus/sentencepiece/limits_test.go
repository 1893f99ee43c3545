package sentencepiece

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/corpus/sentencepiece/sptest"
)

// TestReplacementsAreBounded: one character of a text must not become megabytes.
func TestReplacementsAreBounded(t *testing.T) {
	for n, fits := range map[int]bool{maxReplacement: true, maxReplacement + 1: false} {
		s := small()
		s.rules = map[string]string{"a": strings.Repeat("b", n), "b": "a"}
		m, err := Parse(s.serialise())
		switch {
		case !fits && (err == nil || !strings.Contains(err.Error(), "a replacement has 257 bytes")):
			t.Errorf("a replacement of %d bytes: %v", n, err)
		case fits && err != nil:
			t.Error(err)
		case fits:
			if got := len(m.normalize(nil, []byte("a"))); got != n+len(spaceSymbol) {
				t.Errorf("normalized to %d bytes", got)
			}
		}
	}
}

func TestLargeModelIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.model")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxModelBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	var file sptest.Message
	file.Bytes(100, make([]byte, maxModelBytes))
	if _, err := Parse(file); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("error %v", err)
	}
}

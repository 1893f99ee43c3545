package source

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// folder writes files, old enough for a fingerprint, and returns their folder.
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

func TestTextFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"b.txt": "bee", "a/x.txt": "ex", "a.txt": "ay", "bin": "x\x00y", "late": strings.Repeat("y", 200_000) + "\x00",
		"empty": "", "blank": " \n\n", ".hidden": "no", ".git/config": "no", "latin": "caf\xe9",
	})
	s, err := NewTextFiles([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	documents, drops := collect(t, s)
	if got, want := names(documents), []string{"a.txt", "a/x.txt", "b.txt", "latin"}; !slices.Equal(got, want) {
		t.Errorf("documents %q, want %q", got, want)
	}
	if want := (Drops{Binary: 2, Empty: 2}); !maps.Equal(drops, want) {
		t.Errorf("left out %v, want %v", drops, want)
	}

	// The same files by name, in another order; a link to the folder.
	s, err = NewTextFiles([]string{filepath.Join(dir, "b.txt"), filepath.Join(dir, "a.txt")})
	if err != nil {
		t.Fatal(err)
	}
	if documents, _ := collect(t, s); !slices.Equal(names(documents), []string{"a.txt", "b.txt"}) {
		t.Errorf("documents %q", names(documents))
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err == nil {
		s, err := NewTextFiles([]string{link})
		if err != nil {
			t.Fatal(err)
		}
		if documents, _ := collect(t, s); len(documents) != 4 {
			t.Errorf("through a link: %q", names(documents))
		}
	}
	for _, bad := range [][]string{nil, {filepath.Join(dir, "none")}, {t.TempDir()}} {
		if _, err := NewTextFiles(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestLongFilesAreCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		alphabet := rapid.SampledFrom([]string{"ab \n", "abcdefgh\n\n", "語", "é語😀", "x", "\x80\xff"}).Draw(rt, "alphabet")
		parts := []rune(alphabet)
		n := rapid.SampledFrom([]int{1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 2 * pieceBytes, 3*pieceBytes + 17}).Draw(rt, "size")
		text := []byte("x") // no piece is blank
		for len(text) < n-1 {
			text = utf8.AppendRune(text, parts[r.IntN(len(parts))])
		}
		if alphabet[0] == 0x80 {
			text = bytes.Repeat([]byte(alphabet), n/2+1)
		}
		text = append(text, 'x')
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "f"), text, 0o644); err != nil {
			rt.Fatal(err)
		}
		s, err := NewTextFiles([]string{dir})
		if err != nil {
			rt.Fatal(err)
		}
		documents, _ := collect(t, s)
		var joined []byte
		for i, d := range documents {
			joined = append(joined, d.Text...)
			if len(d.Text) > pieceBytes || i+1 < len(documents) && len(d.Text) < pieceBytes/2 {
				rt.Fatalf("piece %d of %d has %d bytes", i, len(documents), len(d.Text))
			}
			if utf8.Valid(text) && !utf8.Valid(d.Text) {
				rt.Fatalf("piece %d cuts a character", i)
			}
		}
		if !bytes.Equal(joined, text) {
			rt.Fatal("the pieces do not make up the text")
		}
		if want := len(text) > pieceBytes; want != strings.Contains(documents[0].Name, "#0") {
			rt.Fatalf("%d bytes give the name %q", len(text), documents[0].Name)
		}
		if last := documents[len(documents)-1]; last.Read != int64(len(text)) {
			rt.Fatalf("%d of %d bytes read", last.Read, len(text))
		}
	})
}

func TestCutsPreferBlankLines(t *testing.T) {
	paragraph := strings.Repeat("word ", 100) + "\nline\n\n"
	dir := folder(t, map[string]string{"f": strings.Repeat(paragraph, 400)})
	s, err := NewTextFiles([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	documents, _ := collect(t, s)
	for _, d := range documents {
		if !bytes.HasSuffix(d.Text, []byte("\n\n")) {
			t.Errorf("%s ends in %q", d.Name, d.Text[len(d.Text)-10:])
		}
	}
}

func TestFingerprintFollowsFiles(t *testing.T) {
	dir := folder(t, map[string]string{"a": "one", "b": "two"})
	fingerprint := func() string {
		s, err := NewTextFiles([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		return s.Fingerprint()
	}
	before := fingerprint()
	if before == "" || before != fingerprint() {
		t.Fatalf("fingerprint %q is not stable", before)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("six"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := fingerprint(); got != "" {
		t.Errorf("a file written just now has the fingerprint %q", got)
	}
	if err := os.Chtimes(filepath.Join(dir, "a"), old, old); err != nil {
		t.Fatal(err)
	}
	if got := fingerprint(); got == before || got == "" {
		t.Errorf("fingerprint %q after a change", got)
	}
}

func TestWalkStops(t *testing.T) {
	dir := folder(t, map[string]string{"a": "one", "b": "two"})
	s, err := NewTextFiles([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	stop, n := errors.New("stop"), 0
	if _, err := s.Walk(context.Background(), func(Document) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("error %v after %d documents", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Walk(ctx, func(Document) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a cancelled walk", err)
	}
}

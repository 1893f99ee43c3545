package source

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLinksAreNotFollowed: a folder's links could lead anywhere.
func TestLinksAreNotFollowed(t *testing.T) {
	outside := folder(t, map[string]string{"secret.txt": "secret", "d/secret.go": "package secret\n"})
	inside := folder(t, map[string]string{"a.txt": "text", "a.go": "package a\n"})
	for link, target := range map[string]string{"l.txt": "secret.txt", "l.go": "d/secret.go", "l": "d"} {
		if err := os.Symlink(filepath.Join(outside, target), filepath.Join(inside, link)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := NewTextFiles([]string{inside})
	if err != nil {
		t.Fatal(err)
	}
	if documents, _ := collect(t, s); !slices.Equal(names(documents), []string{"a.go", "a.txt"}) {
		t.Errorf("text: %q", names(documents))
	}
	g := &GoModules{}
	if err := g.list("m", inside, make(Drops)); err != nil {
		t.Fatal(err)
	}
	if len(g.files) != 1 || g.files[0].name != "m/a.go" {
		t.Errorf("module: %+v", g.files)
	}
}

func TestDevicesAreRefused(t *testing.T) {
	for _, open := range []func() error{
		func() error { _, err := NewTextFiles([]string{os.DevNull}); return err },
		func() error { _, err := NewC4Shards([]string{os.DevNull}); return err },
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "neither a file nor a folder") {
			t.Errorf("error %v", err)
		}
	}
}

// TestShardsThatExplode reads gzip files of few bytes that hold much.
func TestShardsThatExplode(t *testing.T) {
	bomb := func(line string, n int) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		text := []byte(strings.Repeat(line, 1<<20/len(line)))
		for range n {
			w.Write(text)
		}
		w.Close()
		return b.String()
	}
	for name, c := range map[string]struct{ content, want string }{
		"lines":    {bomb("{\"text\":\""+strings.Repeat("a", 5000)+"\"}\n", firstPiece>>20*3), "the file expands more than 100 times"},
		"one line": {bomb(" ", maxLine>>20+2), "the line is longer than 16 MiB"},
	} {
		s, err := NewC4Shards([]string{folder(t, map[string]string{"x.json.gz": c.content})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := walk(s); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.json.gz") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestModulesAreNoOptions(t *testing.T) {
	for _, bad := range []string{"-C=/tmp@v1.0.0", "--x@v1.0.0", "a/../b@v1.0.0", "/a@v1.0.0", "a b@v1.0.0", "a/@v1.0.0"} {
		if _, err := NewGoModules([]string{bad}); err == nil || !strings.Contains(err.Error(), "is not the path of a module") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

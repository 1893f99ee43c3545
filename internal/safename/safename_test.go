package safename

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for name, want := range map[string]bool{
		"quick": true, "quick-lr": true, "130m.short_2": true, "A": true, "a..b": true, strings.Repeat("x", 64): true,
		"": false, ".": false, "..": false, ".a": false, "-a": false, "a/b": false, `a\b`: false, "/a": false, "a b": false, "a\n": false, "a\x00": false,
		"é": false, "a:b": false, strings.Repeat("x", 65): false,
	} {
		if got := Valid(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

// FuzzValid: a valid name stays in the folder that it is joined to.
func FuzzValid(f *testing.F) {
	for _, name := range []string{"quick", "../x", "a/../../b", "..", "a\\..\\b", "CON", "\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if Valid(name) && (filepath.Dir(filepath.Join("folder", name)) != "folder" || !filepath.IsLocal(name) || filepath.Base(name) != name) {
			t.Fatalf("%q leads to %s", name, filepath.Join("folder", name))
		}
	})
}

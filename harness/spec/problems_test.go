package spec

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Every broken spec under testdata/broken yields exactly the messages beside it.
func TestBrokenSpecs(t *testing.T) {
	paths, err := filepath.Glob("testdata/broken/*.toml")
	if err != nil || len(paths) < 15 {
		t.Fatalf("found %d broken specs (%v)", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".toml"), func(t *testing.T) {
			x, err := Load(path, nil)
			var problems *Problems
			if !errors.As(err, &problems) || x != nil {
				t.Fatalf("Load = %v, %v; want nothing and *Problems", x, err)
			}
			golden(t, strings.TrimSuffix(path, ".toml")+".golden", err.Error()+"\n")
			for _, p := range problems.List {
				if p.File != "" && (p.Line < 1 || p.Column < 1) {
					t.Errorf("%q has no place", p.Message)
				}
			}
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

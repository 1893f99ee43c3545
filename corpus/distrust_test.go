package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCacheIsNotBelieved changes cached values so that they still parse: what
// depends on them is made again.
func TestCacheIsNotBelieved(t *testing.T) {
	o := textOptions(t, folder(t, prose(1, 60)))
	want := prepare(t, o)
	for name, change := range map[string][2]string{
		"text/*.json":          {`"kept": 60`, `"kept": 61`},
		"tokens/*/counts.json": {`"Documents": `, `"Documents": 1`},
		"text/*.json ":         {`"bytes": `, `"bytes": -`},
	} {
		paths, err := filepath.Glob(filepath.Join(o.CacheDir, strings.TrimSpace(name)))
		if err != nil || len(paths) != 1 {
			t.Fatalf("%s: %q, %v", name, paths, err)
		}
		data, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(data), change[0], change[1], 1)
		if changed == string(data) {
			t.Fatalf("%s does not hold %q", name, change[0])
		}
		if err := os.WriteFile(paths[0], []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if s := prepare(t, o); !cmp.Equal(s.Manifest, want.Manifest) {
			t.Errorf("%s:\n%s", name, cmp.Diff(want.Manifest, s.Manifest))
		}
		if again, err := os.ReadFile(paths[0]); err != nil || string(again) == changed {
			t.Errorf("%s was left as it was, error %v", name, err)
		}
	}
}

package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewCopiesWithComments(t *testing.T) {
	source, err := os.ReadFile("../../experiments/quick.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"quick", "../../experiments/quick.toml"} {
		text, err := New("../../experiments/mine", from)
		if err != nil {
			t.Fatal(err)
		}
		// Everything but the comment at the top, the name and the title.
		_, body, _ := strings.Cut(string(source), "\n\n")
		body = strings.Replace(body, `name = "quick"`, `name = "mine"`, 1)
		body = strings.Replace(body, `title = "Five methods on a 1.3M-parameter LLaMA"`, `title = "mine"`, 1)
		want := "# Started as a copy of quick.toml. Change what differs, then:\n" +
			"#   ranklab plan ../../experiments/mine.toml     what it would train\n" +
			"#   ranklab sweep ../../experiments/mine.toml    train it\n\n" + body
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", from, diff)
		}
	}
}

// A copy loads wherever it stands and has the runs of its source.
func TestNewLoads(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a/base"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a/base/p.toml", protocol)
	write("a/plain.toml", "# first\n\nextends = ['base/p.toml', \"base/p.toml\"] # twice\n[method.a]\nkind = \"adamw\"\nlr = 1\n")
	for _, c := range []struct{ name, from string }{
		{"mine", "quick"},
		{"deep/er/mine.toml", "paper/table2-130m"},
		{"b/c/mine", filepath.Join(dir, "a/plain.toml")},
		{"a/mine", filepath.Join(dir, "a/plain.toml")},
	} {
		path := filepath.Join(dir, strings.TrimSuffix(c.name, ".toml")+".toml")
		text, err := New(filepath.Join(dir, c.name), c.from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		x, err := Load(path, nil)
		if err != nil {
			t.Errorf("%s from %s: %v\n%s", c.name, c.from, err, text)
			continue
		}
		source, err := Load(c.from, nil)
		if err != nil {
			t.Fatal(err)
		}
		if x.Name != "mine" {
			t.Errorf("%s is named %q", c.name, x.Name)
		}
		if diff := cmp.Diff(labels(source), labels(x)); diff != "" {
			t.Errorf("%s from %s (-want +got):\n%s", c.name, c.from, diff)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ name, from, want string }{
		{"../bad name", "quick", "letters"},
		{"mine", "nothing", "no such file"},
		{"mine", "testdata/broken/syntax.toml", "TOML syntax"},
		{"mine", "testdata/broken/missing-file.toml", "extends"},
	} {
		if _, err := New(c.name, c.from); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%q, %q) = %v; want %q", c.name, c.from, err, c.want)
		}
	}
}

func TestLoadByName(t *testing.T) {
	for _, name := range []string{"quick", "quick.toml", "experiments/quick.toml", "./experiments/quick"} {
		x, err := Load(name, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if x.Name != "quick" || x.Path != "embedded:quick.toml" {
			t.Errorf("%s loaded %q from %q", name, x.Name, x.Path)
		}
	}
	for name, want := range map[string]string{"quik": `did you mean "quick"?`, "testdata": "is a folder", "../../quick": "no such file", "a\x00b": "invalid"} {
		if _, err := Load(name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q) = %v; want %q", name, err, want)
		}
	}
}

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

func TestNewReplacesTheHeaderOnly(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, rest string }{
		"header":            {"# What\n# it is.\n\n\nseeds = 1\n", "name = \"mine\"\ntitle = \"mine\"\nseeds = 1\n"},
		"comment of a key":  {"# How many\nseeds = 1\n", "# How many\nname = \"mine\"\ntitle = \"mine\"\nseeds = 1\n"},
		"bare":              {"seeds = 1\n", "name = \"mine\"\ntitle = \"mine\"\nseeds = 1\n"},
		"both":              {"# What\n\n# How many\nseeds = 1\ntitle = 'x' # shown\n", "# How many\nname = \"mine\"\nseeds = 1\ntitle = \"mine\" # shown\n"},
		"none":              {"title = \"a\\nb\"\nname = 'n'\n[train]\n", "title = \"mine\"\nname = \"mine\"\n[train]\n"},
		"carriage returns":  {"# What\r\n\r\nname = 'n'\r\n", "title = \"mine\"\nname = \"mine\"\r\n"},
		"nothing but that":  {"# What\n", "name = \"mine\"\ntitle = \"mine\"\n"},
		"without any end":   {"# What\n\nseeds = 1", "name = \"mine\"\ntitle = \"mine\"\nseeds = 1"},
		"blank in a header": {"\n# What\n\nseeds = 1\n", "# What\n\nname = \"mine\"\ntitle = \"mine\"\nseeds = 1\n"},
	} {
		from := filepath.Join(dir, "from.toml")
		if err := os.WriteFile(from, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		text, err := New("experiments/line\nbreak/mine", from)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "# Started as a copy of from.toml. Change what differs, then:\n" +
			"#   ranklab plan experiments/line·break/mine.toml     what it would train\n" +
			"#   ranklab sweep experiments/line·break/mine.toml    train it\n\n" + c.rest
		if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
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

// TestNamesOnDisk loads and copies by name what stands in the folder
// experiments of the working directory.
func TestNamesOnDisk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, title string) {
		t.Helper()
		text := "extends = [\"base/proxy-1m.toml\"]\ntitle = \"" + title + "\"\n[method.a]\nkind = \"adamw\"\nlr = 1\n"
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("experiments/mine.toml", "mine on disk")
	write("experiments/quick.toml", "quick on disk")
	write("experiments/deep/er.toml", "deep on disk")
	write("experiments/galore.toml", "beside a folder")
	write("galore/lr.go", "")
	write("other.toml", "by path")
	write("experiments/other.toml", "hidden by the path")
	for name, title := range map[string]string{
		"mine": "mine on disk", "mine.toml": "mine on disk", "experiments/mine": "mine on disk", "./experiments/mine.toml": "mine on disk",
		"quick": "quick on disk", "deep/er": "deep on disk", "galore": "beside a folder", "other.toml": "by path",
		"paper/table2-130m": "Table 2 of arXiv:2403.03507, 130M",
	} {
		x, err := Load(name, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if x.Title != title || !Exists(name) {
			t.Errorf("%s loaded %q, exists %v; want %q", name, x.Title, Exists(name), title)
		}
	}
	if text, err := New("experiments/copy", "mine"); err != nil || !strings.Contains(string(text), "copy of mine.toml") || !strings.Contains(string(text), `"base/proxy-1m.toml"`) {
		t.Errorf("New from a name on disk: %v\n%s", err, text)
	}
	for name, want := range map[string]string{"deep": "is a folder", "../experiments/mine": "no such file", "none": "no experiment of that name in experiments/"} {
		if err := os.MkdirAll("deep", 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q) = %v; want %q", name, err, want)
		}
		if Exists(name) {
			t.Errorf("%s exists", name)
		}
	}
}

package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const resolvedSpec = `# A resolved run

[model]
vocab_size = 512

[data]
source = 'c4'
paths = ['/home/ada/c4', "relative"]
tokenizer = 'sentencepiece'
tokenizer_model = '/home/ada/t5.model'

[init]
from = '/home/ada/llama'

[method]
paths = 3
from = '/is/another/key'
`

func TestPublishedSpecsHoldNoAbsolutePaths(t *testing.T) {
	root := t.TempDir()
	must(t, WriteSweep(root, Sweep{Experiment: "c4", Runs: []SweepRun{{ID: id}}}))
	w := open(t, root)
	must(t, w.Spec([]byte(resolvedSpec)), w.Summary(Summary{ID: id, State: Done}), w.Close())
	_, err := Publish(root, "c4")
	must(t, err)
	got, err := os.ReadFile(filepath.Join(Dir(referenceDir(root, "c4"), id), specFile))
	must(t, err)
	want := strings.NewReplacer(`['/home/ada/c4', "relative"]`, "[]", "'/home/ada/t5.model'", `""`, "'/home/ada/llama'", `"imported-weights"`).Replace(resolvedSpec)
	if string(got) != want {
		t.Errorf("published\n%s\nwant\n%s", got, want)
	}
	if own, err := os.ReadFile(filepath.Join(w.Dir(), specFile)); err != nil || string(own) != resolvedSpec {
		t.Errorf("the run's own spec changed (%v):\n%s", err, own)
	}
}

func TestPathsThatStayAndThatCannotBeTakenOut(t *testing.T) {
	for _, spec := range []string{
		"[data]\npaths = ['corpus', \"c4/en\"]\ntokenizer_model = 't5.model'\n",
		"[data]\npaths = []\n\n[init]\nfrom = ''\n",
		"[init]\nfrom = 'results/export/0123'\n",
		"[model]\ntokenizer_model = '/is/another/key'\n",
	} {
		if got, err := withoutPaths([]byte(spec)); err != nil || string(got) != spec {
			t.Errorf("%q became %q, %v", spec, got, err)
		}
	}
	for _, path := range []string{`'C:\c4'`, `"D:/c4"`, `'\\host\c4'`, `"/c4"`} {
		if got, err := withoutPaths([]byte("[data]\npaths = [" + path + "]\n")); err != nil || string(got) != "[data]\npaths = []\n" {
			t.Errorf("%s: published %q, %v", path, got, err)
		}
	}
	for _, spec := range []string{"[data]\npaths = [\n  '/home/ada/c4',\n]\n", "data.paths = ['/home/ada']\n", "[data]\npaths = ["} {
		if got, err := withoutPaths([]byte(spec)); err == nil {
			t.Errorf("%q was published as %q", spec, got)
		}
	}
}

func TestPublishRefusesOverrides(t *testing.T) {
	root := t.TempDir()
	must(t, WriteSweep(root, Sweep{Experiment: "quick", Overrides: []string{"train.steps=4", "seeds=2"}, Runs: []SweepRun{{ID: id}}}))
	finish(t, root, id)
	if _, err := Publish(root, "quick"); err == nil || !strings.Contains(err.Error(), "with -S train.steps=4 -S seeds=2") {
		t.Errorf("a sweep with overrides was published: %v", err)
	}
	if _, err := os.Stat(referenceDir(root, "quick")); err == nil {
		t.Error("something was published all the same")
	}
}

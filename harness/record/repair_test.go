package record

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMissingRowsAreTyped(t *testing.T) {
	w := open(t, t.TempDir())
	must(t, w.Train(TrainRow{Step: 1}))
	have := w.metrics.size
	var short *ShortError
	if err := w.TruncateTo(Mark{Metrics: have + 7}); !errors.As(err, &short) || short.Want != have+7 || short.Have != have {
		t.Errorf("beyond the rows: %v, %+v", err, short)
	}
	if err := w.TruncateTo(Mark{Metrics: 3}); err == nil || errors.As(err, new(*ShortError)) {
		t.Errorf("inside a line: %v", err)
	}
}

func TestOpenKeepsWhatIsNoTornLine(t *testing.T) {
	for content, torn := range map[string]bool{
		"": true, "{": true, `{"k`: true, `{"k":"train","st`: true,
		"notes of mine": false, "\x00\x00\x00": false, `{"kind": "x"}`: false,
	} {
		root := t.TempDir()
		path := filepath.Join(Dir(root, id), metricsFile)
		must(t, os.MkdirAll(Dir(root, id), 0o777), os.WriteFile(path, []byte(content), 0o666))
		w, err := Open(root, id)
		if torn {
			must(t, err)
			if w.metrics.size != 0 {
				t.Errorf("%q: opened at byte %d", content, w.metrics.size)
			}
			must(t, w.Close())
			continue
		}
		if err == nil {
			t.Errorf("%q was cut away", content)
			w.Close()
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != content {
			t.Errorf("%q became %q, %v", content, left, err)
		}
	}
}

// TestLongTornLinesAreKept opens files whose end cannot be one torn line.
func TestLongTornLinesAreKept(t *testing.T) {
	row := `{"k":"train","step":1}` + "\n"
	for name, content := range map[string]string{
		"after a row": row + strings.Repeat("x", maxTorn+1),
		"no line end": `{"k":"train"` + strings.Repeat(" ", maxTorn),
		"short":       row + strings.Repeat("x", maxTorn),
	} {
		root := t.TempDir()
		path := filepath.Join(Dir(root, id), metricsFile)
		must(t, os.MkdirAll(Dir(root, id), 0o777), os.WriteFile(path, []byte(content), 0o666))
		w := open(t, root)
		whole := strings.LastIndex(content, "\n") + 1
		if w.metrics.size != int64(whole) {
			t.Errorf("%s: opened at byte %d, want %d", name, w.metrics.size, whole)
		}
		kept, err := os.ReadFile(path + ".damaged")
		if name == "short" {
			if err == nil {
				t.Errorf("%s: a copy of %d bytes was kept", name, len(kept))
			}
		} else if err != nil || string(kept) != content {
			t.Errorf("%s: kept %d of %d bytes, %v", name, len(kept), len(content), err)
		}
		must(t, w.Close())
	}
}

func TestDamagedOriginIsRebuilt(t *testing.T) {
	root := t.TempDir()
	must(t, AddOrigin(root, id, "n", Origin{Experiment: "a"}))
	path := filepath.Join(Dir(root, id), originFile)
	must(t, os.WriteFile(path, []byte(`{"schema": 1, "orig`), 0o666))
	must(t, open(t, root).Close()) // nor does it keep a run from training
	must(t, AddOrigin(root, id, "n", Origin{Experiment: "b", Label: "two"}))
	r, _ := read(t, root)
	if d := cmp.Diff([]Origin{{Experiment: "b", Label: "two"}}, r.Origins); d != "" || r.ID != id {
		t.Errorf("run %s, origins (-want +got):\n%s", r.ID, d)
	}
	if kept, err := os.ReadFile(path + ".damaged"); err != nil || !strings.Contains(string(kept), `"orig`) {
		t.Errorf("kept %q, %v", kept, err)
	}
}

// TestSummaryOfALostFolder deletes or replaces a run's folder under its writer.
func TestSummaryOfALostFolder(t *testing.T) {
	for name, lose := range map[string]func(dir string) error{
		"deleted":  os.RemoveAll,
		"replaced": func(dir string) error { return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o777)) },
		"rows replaced": func(dir string) error {
			path := filepath.Join(dir, metricsFile)
			return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o666))
		},
	} {
		w := open(t, t.TempDir())
		must(t, w.Train(TrainRow{Step: 1}), lose(w.Dir()))
		if err := w.Summary(Summary{ID: id, State: Done}); err == nil || !strings.Contains(err.Error(), "deleted or replaced") {
			t.Errorf("%s: Summary returned %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(w.Dir(), summaryFile)); err == nil {
			t.Errorf("%s: a summary was written", name)
		}
		w.Close()
	}
}

func TestSummaryWithoutRowsIsNoResult(t *testing.T) {
	root := t.TempDir()
	w := open(t, root)
	must(t, w.Summary(Summary{ID: id, State: Done}), w.Status(Status{State: Done}), w.Close())
	if r, _ := read(t, root); !r.Finished() || r.State() != Done {
		t.Fatalf("state %s before the rows were lost", r.State())
	}
	must(t, os.Remove(filepath.Join(w.Dir(), metricsFile)))
	r, err := Read(w.Dir())
	must(t, err)
	if r.Finished() || r.State() != Interrupted || r.Problem == nil || r.ID != id {
		t.Errorf("finished %v, state %s, problem %v, id %s", r.Finished(), r.State(), r.Problem, r.ID)
	}
}

func TestProvenanceOfEveryAttempt(t *testing.T) {
	root := t.TempDir()
	attempt := func(revision string, dirty bool, from int) Provenance {
		t.Helper()
		w := open(t, root)
		must(t, w.Provenance(Provenance{Revision: revision, Dirty: dirty, GoVersion: "go of " + revision, CPU: CPU{Model: "fast"}, FromStep: from}), w.Close())
		var own Provenance
		must(t, readJSON(filepath.Join(w.AttemptDir(), provenanceFile), &own))
		if own.Revision != revision || own.Attempt != w.Attempt() || own.Attempts != nil {
			t.Errorf("attempt %d recorded %+v", w.Attempt(), own)
		}
		r, _ := read(t, root)
		return *r.Provenance
	}
	if p := attempt("a", false, 0); p.Revision != "a" || p.Attempts != nil {
		t.Errorf("first attempt: %+v", p)
	}
	if p := attempt("b", false, 0); p.Revision != "b" || p.Attempt != 2 || p.Attempts != nil {
		t.Errorf("an attempt that keeps nothing of the one before: %+v", p)
	}
	if p := attempt("b", false, 10); p.Attempt != 2 || p.Attempts != nil {
		t.Errorf("carried on by the same program: %+v", p)
	}
	attempt("b", true, 20)
	attempt("b", true, 30)
	p := attempt("c", false, 40)
	if p.Revision != "b" || p.Dirty || p.GoVersion != "go of b" {
		t.Errorf("no longer of the first attempt: %+v", p)
	}
	want := []AttemptProvenance{{2, 0, "b", false, "go of b", "fast"}, {4, 20, "b", true, "go of b", "fast"}, {6, 40, "c", false, "go of c", "fast"}}
	if d := cmp.Diff(want, p.Attempts); d != "" {
		t.Errorf("attempts (-want +got):\n%s", d)
	}
	// The same source through another compiler is another program; and times on
	// another processor are other times.
	w := open(t, root)
	must(t, w.Provenance(Provenance{Revision: "c", GoVersion: "go of tomorrow", CPU: CPU{Model: "fast"}, FromStep: 50}), w.Close())
	if r, _ := read(t, root); len(r.Provenance.Attempts) != 4 || r.Provenance.Attempts[3].GoVersion != "go of tomorrow" {
		t.Errorf("another compiler: %+v", r.Provenance.Attempts)
	}
	w = open(t, root)
	must(t, w.Provenance(Provenance{Revision: "c", GoVersion: "go of tomorrow", CPU: CPU{Model: "slow"}, FromStep: 60}), w.Close())
	if r, _ := read(t, root); len(r.Provenance.Attempts) != 5 || r.Provenance.Attempts[4].CPU != "slow" {
		t.Errorf("another processor: %+v", r.Provenance.Attempts)
	}
	// Rows that are kept are enough to tell that an attempt is not the first.
	w = open(t, root)
	must(t, w.Train(TrainRow{Step: 1}), w.Close())
	if p := attempt("d", false, 0); p.Revision != "b" || len(p.Attempts) != 6 {
		t.Errorf("an attempt with rows of earlier ones: %+v", p)
	}
}

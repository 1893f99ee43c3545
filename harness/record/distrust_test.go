package record

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/internal/bounded"
)

// TestFilesOfOtherRuns: a file that names another run, or none, does not make
// the folder's run another one.
func TestFilesOfOtherRuns(t *testing.T) {
	for name, c := range map[string]struct{ file, id, state, want string }{
		"a path":           {summaryFile, "../../../../../../tmp/x", Done, "not of the folder's"},
		"another run":      {summaryFile, "5f2c9a01b7de55e0c0ffee", Done, "not of the folder's"},
		"upper case":       {summaryFile, strings.ToUpper(id), Done, "not of the folder's"},
		"too long":         {summaryFile, id + strings.Repeat("0", 64), Done, "not of the folder's"},
		"none":             {summaryFile, "", Done, "not of the folder's"},
		"not final":        {summaryFile, id, Running, `state "running" is not final`},
		"another's origin": {originFile, "5f2c9a01b7de55e0c0ffee", "", "not of the folder's"},
	} {
		root := t.TempDir()
		dir := Dir(root, id)
		must(t, os.MkdirAll(dir, 0o777), os.WriteFile(filepath.Join(dir, metricsFile), nil, 0o666),
			writeJSON(filepath.Join(dir, c.file), map[string]any{"id": c.id, "state": c.state, "origins": []Origin{{Experiment: "x"}}}))
		r, err := Read(dir)
		must(t, err)
		if r.ID != ShortID(id) || r.Finished() || len(r.Origins) > 0 {
			t.Errorf("%s: run %q, finished %v, origins %v", name, r.ID, r.Finished(), r.Origins)
		}
		if r.Problem == nil || !strings.Contains(r.Problem.Error(), c.want) || !strings.Contains(r.Problem.Error(), filepath.Join(dir, c.file)) {
			t.Errorf("%s: problem %v, want %q", name, r.Problem, c.want)
		}
	}
}

func TestIDsAreHexadecimal(t *testing.T) {
	root := t.TempDir()
	for _, bad := range []string{"", "abc", "../../../../up", "4f2c9a01b7d/55e0", "4F2C9A01B7DE", strings.Repeat("a", 65)} {
		if w, err := Open(root, bad); err == nil {
			w.Close()
			t.Errorf("a run %q was opened", bad)
		}
		if err := AddOrigin(root, bad, "n", Origin{Experiment: "x"}); err == nil {
			t.Errorf("a run %q was given an origin", bad)
		}
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestExperimentsStayInTheirFolder: a name from a file or the command line is one
// folder below sweeps.
func TestExperimentsStayInTheirFolder(t *testing.T) {
	root := t.TempDir()
	for _, bad := range []string{"", ".", "..", "../x", "a/b", `a\b`, "/a", "a\x00"} {
		if err := WriteSweep(root, Sweep{Experiment: bad}); err == nil || !strings.Contains(err.Error(), "a name consists of") {
			t.Errorf("%q was written: %v", bad, err)
		}
		if _, err := ReadSweep(root, bad); err == nil || !strings.Contains(err.Error(), "a name consists of") {
			t.Errorf("%q was read: %v", bad, err)
		}
	}
	path := filepath.Join(root, "sweeps", "quick", sweepFile)
	must(t, WriteSweep(root, Sweep{Experiment: "quick"}), writeJSON(path, Sweep{Schema: Schema, Experiment: "../../up"}))
	if _, err := ReadSweep(root, "quick"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a sweep of another name: %v", err)
	}
	if _, err := Publish(root, "quick"); err == nil {
		t.Error("a sweep of another name was published")
	}
}

func TestLinksAreNotPublished(t *testing.T) {
	root := t.TempDir()
	must(t, WriteSweep(root, Sweep{Experiment: "quick", Runs: []SweepRun{{ID: id}}}))
	finish(t, root, id)
	secret, linked := filepath.Join(t.TempDir(), "secret"), filepath.Join(Dir(root, id), memoryFile)
	must(t, os.WriteFile(secret, []byte("{}"), 0o600), os.Symlink(secret, linked))
	if _, err := Publish(root, "quick"); err == nil || !strings.Contains(err.Error(), linked+" is a symbolic link") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(Dir(referenceDir(root, "quick"), id), memoryFile)); err == nil {
		t.Error("it was published all the same")
	}
}

func TestLargeFilesAreNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	must(t, os.WriteFile(path, nil, 0o666), os.Truncate(path, maxFileBytes+1))
	var damaged *damagedError
	if err := readJSON(path, new(Sweep)); !errors.As(err, &damaged) || !errors.As(err, new(*bounded.TooLargeError)) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

// TestAbsurdAttempt: a folder with the largest number does not end the counting.
func TestAbsurdAttempt(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(Dir(root, id), attemptsDir, "9223372036854775807"), 0o777))
	for want := 1; want < 3; want++ {
		w := open(t, root)
		if w.Attempt() != want {
			t.Errorf("attempt %d, want %d", w.Attempt(), want)
		}
		must(t, w.Close())
	}
}

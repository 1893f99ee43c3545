package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriteReplacesAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, want := range []string{"first, longer than the second", "second"} {
		if err := Write(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("folder holds %q, want only a.json", got)
	}
}

func TestFailureKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := WriteFunc(path, func(w io.Writer) error {
		io.WriteString(w, "half of the ne")
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("error %v, want it to wrap %v", err, full)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("file holds %q after a failed write, want %q", got, "old")
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("folder holds %q, want only a.json", got)
	}
}

func TestTargetAppearsOnlyWhenComplete(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	err := WriteFunc(path, func(w io.Writer) error {
		io.WriteString(w, "{")
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("target exists while it is being written (stat error %v)", err)
		}
		if got := names(t, dir); len(got) != 1 {
			t.Errorf("the temporary file is not in the target's folder: %q", got)
		}
		_, err := io.WriteString(w, "}")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMissingFolderIsAnError(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "no", "a"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want not-exist", err)
	}
}

func TestRemoveTemps(t *testing.T) {
	dir := t.TempDir()
	keep := []string{".gitignore", "a.json"}
	for _, name := range append([]string{".a.json.atomic-0123456789abcdef"}, keep...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveTemps(dir, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 3 {
		t.Errorf("a fresh file may be in use, but there are only %q", got)
	}
	if err := RemoveTemps(dir, 0); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 2 || got[0] != keep[0] || got[1] != keep[1] {
		t.Errorf("left %q, want %q", got, keep)
	}
}

func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+" of "+filepath.Base(dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteFolder(t *testing.T) {
	parent := t.TempDir()
	fill := func(dir string) error { write(t, dir, "data", "mark"); return nil }
	path := filepath.Join(parent, "new", "folder")
	if err := WriteFolder(path, "mark", nil, fill); err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); !slices.Equal(got, []string{"data", "mark"}) {
		t.Errorf("the folder holds %q", got)
	}
	// In a folder with other files those of the same name are replaced, and stale ones go.
	write(t, path, "data", "mine", "old")
	if err := WriteFolder(path, "mark", []string{"data", "old", "older"}, fill); err != nil {
		t.Fatal(err)
	}
	mine, _ := os.ReadFile(filepath.Join(path, "mine"))
	data, _ := os.ReadFile(filepath.Join(path, "data"))
	if got := names(t, path); !slices.Equal(got, []string{"data", "mark", "mine"}) || string(mine) != "mine of folder" || string(data) == "data of folder" {
		t.Errorf("the folder holds %q; mine: %q, data: %q", got, mine, data)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("beside the folder there are %q", got)
	}
}

func TestFailureKeepsTheOldFolder(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "folder")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path, "data", "mark")
	full := errors.New("disk full")
	err := WriteFolder(path, "mark", nil, func(dir string) error { write(t, dir, "data", "mark"); return full })
	if !errors.Is(err, full) {
		t.Errorf("error %v, want it to wrap %v", err, full)
	}
	if err := WriteFolder(path, "mark", nil, func(dir string) error { write(t, dir, "data"); return nil }); err == nil {
		t.Error("a folder without its mark was written")
	}
	data, _ := os.ReadFile(filepath.Join(path, "data"))
	if got := names(t, path); len(got) != 2 || string(data) != "data of folder" {
		t.Errorf("the folder holds %q, data is %q", got, data)
	}
	file := filepath.Join(parent, "file")
	write(t, parent, "file")
	if err := WriteFolder(file, "mark", nil, func(dir string) error { write(t, dir, "mark"); return nil }); err == nil {
		t.Error("a file became a folder")
	}
	if got := names(t, parent); !slices.Equal(got, []string{"file", "folder"}) {
		t.Errorf("beside the folder there are %q", got)
	}
}

// A folder that is not complete has no mark.
func TestTheMarkComesLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	if err := os.MkdirAll(filepath.Join(path, "data", "x"), 0o755); err != nil { // which no file can replace
		t.Fatal(err)
	}
	write(t, path, "mark")
	if err := WriteFolder(path, "mark", nil, func(dir string) error { write(t, dir, "data", "mark"); return nil }); err == nil {
		t.Fatal("a file replaced a folder that is not empty")
	}
	if got := names(t, path); !slices.Equal(got, []string{"data"}) {
		t.Errorf("the folder holds %q", got)
	}
}

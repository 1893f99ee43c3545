package train

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUnreadableCheckpoint: what the system cannot read now may be good. It stays
// where it is, and so do the rows before it.
func TestUnreadableCheckpoint(t *testing.T) {
	dir := t.TempDir()
	name := goodPrefix + "0000005"
	pos := position{Step: 5, TokensSeen: 150, Positions: 160, Sums: map[string]string{}}
	if err := os.MkdirAll(filepath.Join(dir, name, modelFile), 0o777); err != nil { // a folder: reading it is refused
		t.Fatal(err)
	}
	if err := writePosition(filepath.Join(dir, name), pos); err != nil {
		t.Fatal(err)
	}
	_, _, err := findCheckpoint(dir, func(position) error { return nil }, func(m string) { t.Error(m) })
	if err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("error %v", err)
	}
	if names, err := checkpoints(dir); err != nil || len(names) != 1 {
		t.Errorf("checkpoints %v, %v", names, err)
	}
}

// TestUnknownFields: a state.json of a later program, with a field that this one
// does not know, has its own sum.
func TestUnknownFields(t *testing.T) {
	dir := t.TempDir()
	pos := position{Step: 5, TokensSeen: 150, Positions: 160, Sums: map[string]string{}}
	data, err := pos.file()
	if err != nil {
		t.Fatal(err)
	}
	later := bytes.Replace(data, []byte(`"step": 5`), []byte(`"later": {"a": [1, 2.50]}, "step": 5`), 1)
	sum, err := positionSum(later)
	if err != nil || sum == pos.Self {
		t.Fatalf("sum %s, %v", sum, err)
	}
	for _, c := range []struct {
		file []byte
		good bool
	}{{data, true}, {later, false}, {bytes.Replace(later, []byte(pos.Self), []byte(sum), 1), true}} {
		if err := os.WriteFile(filepath.Join(dir, metaFile), c.file, 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := readPosition(dir); (err == nil) != c.good || c.good && got.Step != 5 {
			t.Errorf("%s: %+v, %v", c.file, got, err)
		}
	}
}

// TestCheckpointsByStep: steps of more than seven digits come after those of seven.
func TestCheckpointsByStep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"step-9999900", "step-10000000", "step-0000100", ".writing-1"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := prune(dir, 2); err != nil {
		t.Fatal(err)
	}
	names, err := checkpoints(dir)
	if want := []string{"step-10000000", "step-9999900"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%v, %v, want %v", names, err, want)
	}
}

package bounded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/internal/bounded/boundedtest"
)

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for size, fits := range map[int]bool{0: true, 1: true, 4095: true, 4096: true, 4097: false, 1 << 20: false} {
		content := strings.Repeat("x", size)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		data, err := ReadFile(path, 4096)
		var large *TooLargeError
		switch {
		case fits && (err != nil || string(data) != content):
			t.Errorf("%d bytes: read %d, error %v", size, len(data), err)
		case !fits && (!errors.As(err, &large) || !strings.Contains(err.Error(), path) || data != nil):
			t.Errorf("%d bytes: read %d, error %v", size, len(data), err)
		}
	}
	if _, err := ReadFile(path+".none", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := ReadFile(filepath.Dir(path), 1<<20); err == nil {
		t.Error("a folder was read")
	}
}

// TestSizesAreNotTrusted reads what has no end, and a file with a hole: of neither
// is more taken into memory than the limit.
func TestSizesAreNotTrusted(t *testing.T) {
	const limit = 1 << 16
	boundedtest.AtMost(t, 8*limit, func() {
		if _, err := ReadAll(endless{}, "endless", limit); !errors.As(err, new(*TooLargeError)) || !strings.Contains(err.Error(), "endless") {
			t.Errorf("endless: %v", err)
		}
	})
	hole := filepath.Join(t.TempDir(), "hole")
	if err := os.WriteFile(hole, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(hole, 1<<32); err != nil {
		t.Fatal(err)
	}
	boundedtest.AtMost(t, limit, func() {
		if _, err := ReadFile(hole, limit); !errors.As(err, new(*TooLargeError)) {
			t.Errorf("a hole: %v", err)
		}
	})
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestDevicesAreNotRead(t *testing.T) {
	if _, err := ReadFile(os.DevNull, 1); err == nil || !strings.Contains(err.Error(), os.DevNull) {
		t.Errorf("error %v", err)
	}
}

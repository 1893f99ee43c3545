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

// TestSizesAreNotTrusted reads what has no size and no end, and a file with a
// hole: of neither is more taken into memory than the limit.
func TestSizesAreNotTrusted(t *testing.T) {
	hole := filepath.Join(t.TempDir(), "hole")
	f, err := os.Create(hole)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 40); err != nil {
		t.Logf("no file of 1 TiB with a hole: %v", err)
	}
	const limit = 1 << 16
	paths := []string{hole}
	if _, err := os.Stat("/dev/zero"); err == nil {
		paths = append(paths, "/dev/zero")
	}
	for _, path := range paths {
		if info, err := f.Stat(); path == hole && (err != nil || info.Size() == 0) {
			continue
		}
		boundedtest.AtMost(t, 8*limit, func() {
			if _, err := ReadFile(path, limit); !errors.As(err, new(*TooLargeError)) {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
}

package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// FuzzGroupLimit reads arbitrary lists of control groups and limits: what comes
// out is a limit that was there, and nothing outside of the mount is read.
func FuzzGroupLimit(f *testing.F) {
	for _, groups := range []string{"0::/\n", "0::/slurm/job\n", "0::/../../..\n", "0::" + strings.Repeat("/a", 2000), "1:memory:/slurm/../../outside\n", ":::", "0::\x00", "0::slurm"} {
		f.Add(groups, "5000\n")
		f.Add(groups, "-1")
		f.Add(groups, "max")
	}
	f.Add("0::/slurm", "9223372036854775808")
	f.Add("0::/slurm", "0")
	const total, outside = 9000, 17
	base := f.TempDir()
	root := filepath.Join(base, "cgroup")
	limit := filepath.Join(root, "slurm", "memory.max")
	for path, content := range map[string]string{
		limit: "", filepath.Join(base, "memory.max"): "17", filepath.Join(base, "outside", "memory.max"): "17", filepath.Join(base, "memory", "memory.limit_in_bytes"): "17",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, groups, content string) {
		if err := os.WriteFile(limit, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		got := groupLimit(total, root, groups)
		n, _ := strconv.ParseInt(strings.TrimSpace(content), 10, 64) // what is no number is no limit
		if got < 1 || got > total || got == outside && n != outside {
			t.Fatalf("%q with limit %q: %d", groups, content, got)
		}
	})
}

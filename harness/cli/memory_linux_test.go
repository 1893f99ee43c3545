package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGroupLimit: the lowest limit on the way up counts, of either version of
// control groups, and a group that is not mounted limits nothing.
func TestGroupLimit(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"memory.max": "max\n", "slurm/memory.max": "8000\n", "slurm/job_7/memory.max": "5000\n", "slurm/job_7/step_0/memory.max": "max\n",
		"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/slurm/memory.limit_in_bytes": "3000\n", "odd/memory.max": "-1\n", "odd/zero/memory.max": "0\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for groups, want := range map[string]int64{
		"0::/\n":                    9000,
		"0::/slurm/job_7/step_0\n":  5000,
		"0::/slurm/job_8\n":         8000,
		"0::/elsewhere/deep\n":      9000,
		"0::/odd/zero\n":            9000, // no limit that anybody sets
		"12:memory:/slurm/uid_1\n":  3000,
		"5:cpu:/slurm\n1:name=x:/a": 9000,
		"":                          9000,
	} {
		if got := groupLimit(9000, root, groups); got != want {
			t.Errorf("%q: %d, want %d", groups, got, want)
		}
	}
}

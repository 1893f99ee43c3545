package machine

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// FuzzGroups reads arbitrary lists of control groups and limits: what comes out
// is a limit that was there, and nothing outside of the mount is read.
func FuzzGroups(f *testing.F) {
	for _, groups := range []string{"0::/\n", "0::/slurm/job\n", "0::/../../..\n", "0::/..\n", "0::/../outside\n", "0::" + strings.Repeat("/a", 40), "1:memory,cpu:/slurm/../../outside\n", ":::", "0::\x00", "0::slurm"} {
		f.Add(groups, "5000\n")
		f.Add(groups, "-1")
		f.Add(groups, "max")
	}
	f.Add("0::/slurm", "9223372036854775808")
	f.Add("0::/slurm", "0")
	f.Add("0::/slurm", "9223372036854775807 1")
	f.Add("0::/slurm", "-5 -5")
	const total, outside = 9000, 17
	base := f.TempDir()
	root := filepath.Join(base, "cgroup")
	limit, quota := filepath.Join(root, "slurm", "memory.max"), filepath.Join(root, "slurm", "cpu.max")
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
		for _, path := range []string{limit, quota} {
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got := groupLimit(total, root, groups)
		n, _ := strconv.ParseInt(strings.TrimSpace(content), 10, 64) // what is no number is no limit
		if got < 1 || got > total || got == outside && n != outside {
			t.Fatalf("%q with limit %q: %d", groups, content, got)
		}
		if share := groupQuota(root, groups); !(share >= 0) || math.IsInf(share, 0) {
			t.Fatalf("%q with quota %q: %v processors", groups, content, share)
		}
	})
}

// FuzzCountList: a list of processors has as many as a machine can have, or none.
func FuzzCountList(f *testing.F) {
	for _, list := range []string{"0-3,8\n", "0-9223372036854775807", "0-1048576,0-1048576", "-9223372036854775808-1", "1-0", "0,0,0", "a", ""} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if n := countList(list); n < 0 || n > maxProcessors*(1+strings.Count(list, ",")) {
			t.Fatalf("%q counts %d", list, n)
		}
	})
}

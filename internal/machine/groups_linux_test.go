package machine

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

// TestGroupQuota: the lowest quota on the way up counts, of either version.
func TestGroupQuota(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"slurm/cpu.max": "max 100000\n", "slurm/job_7/cpu.max": "150000 100000\n", "slurm/job_7/step_0/cpu.max": "400000 100000\n",
		"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n",
		"cpu/job/cpu.cfs_quota_us": "250000\n", "cpu/job/cpu.cfs_period_us": "100000\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for groups, want := range map[string]float64{
		"0::/slurm/job_7/step_0\n":  1.5,
		"0::/slurm\n":               0,
		"3:cpu,cpuacct:/job/deep\n": 2.5,
		"3:cpu:/\n0::/\n":           0,
		"":                          0,
	} {
		if got := groupQuota(root, groups); got != want {
			t.Errorf("%q: %v, want %v", groups, got, want)
		}
	}
}

func TestCountList(t *testing.T) {
	for list, want := range map[string]int{"0\n": 1, "0-3": 4, "0-3,8,10-11\n": 7, "": 0, "3-1": 0, "a": 0} {
		if got := countList(list); got != want {
			t.Errorf("%q: %d, want %d", list, got, want)
		}
	}
}

// TestThisMachine: what Linux tells of the machine that the tests run on is
// there and makes sense.
func TestThisMachine(t *testing.T) {
	if m := ReadMemory(); m.Total <= 0 || m.Free <= 0 || m.Free > m.Total || m.Usable() <= 0 || m.Usable() > m.Total {
		t.Errorf("memory %+v", m)
	}
	if p := ReadProcessors(); p.Online < 1 || p.Quota < 0 {
		t.Errorf("processors %+v", p)
	}
	d, err := ReadDisk(t.TempDir())
	if err != nil || d.Type == "" || d.Total <= 0 || d.Free < 0 || d.Free > d.Total {
		t.Errorf("disk %+v, %v", d, err)
	}
	if _, err := ReadDisk(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a folder that does not exist has a disk")
	}
}

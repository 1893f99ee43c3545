package machine

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// groupRoot is where Linux mounts control groups.
const groupRoot = "/sys/fs/cgroup"

// ReadMemory returns the memory of the machine and of this process's control
// groups.
func ReadMemory() Memory {
	var m Memory
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return m
	}
	m.Total = int64(info.Totalram) * int64(info.Unit)
	m.Free = freeMemory()
	if limit := groupLimit(m.Total, groupRoot, ownGroups()); limit < m.Total {
		m.Limit = limit
	}
	return m
}

// freeMemory reads what the kernel takes to be available, caches that it would
// give up included.
func freeMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemAvailable:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64) // 0 is unknown
			return kib << 10
		}
	}
	return 0
}

// ReadProcessors returns the processors of the machine and the share of their
// time that control groups leave to this process.
func ReadProcessors() Processors {
	online, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return Processors{}
	}
	return Processors{Online: countList(string(online)), Quota: groupQuota(groupRoot, ownGroups())}
}

// maxProcessors is more than any kernel knows.
const maxProcessors = 1 << 20

// countList counts the numbers of a list like "0-3,8"; 0 if it is none.
func countList(list string) int {
	n := 0
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		lo, err := strconv.Atoi(first)
		if err != nil || lo < 0 {
			return 0
		}
		hi, err := strconv.Atoi(last)
		if err != nil || hi < lo || hi >= maxProcessors {
			return 0
		}
		n += hi - lo + 1
	}
	return n
}

// ownGroups lists the control groups of this process, as the kernel writes them.
func ownGroups() string {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	return string(groups)
}

// eachGroup calls do for the folder of each control group that governs a
// controller, and for those that it lies in, as mounted at root: that of a batch
// job lies a few levels up (Slurm). Of version 2 there is one group, "0::/path";
// of version 1 the one of the controller.
func eachGroup(root, groups, controller string, do func(folder string, version int)) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		folder, version := root, 2
		if parts[1] != "" {
			if !slices.Contains(strings.Split(parts[1], ","), controller) {
				continue
			}
			folder, version = filepath.Join(root, controller), 1
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			do(filepath.Join(folder, group), version)
			if group == "/" {
				break
			}
		}
	}
}

// groupLimit returns the lowest memory limit of the control groups, or limit
// where that is lower.
func groupLimit(limit int64, root, groups string) int64 {
	eachGroup(root, groups, "memory", func(folder string, version int) {
		file := "memory.max"
		if version == 1 {
			file = "memory.limit_in_bytes"
		}
		if n, err := readNumber(filepath.Join(folder, file)); err == nil && n > 0 { // "max" is no number
			limit = min(limit, n)
		}
	})
	return limit
}

// groupQuota returns the lowest share of processor time that the control groups
// grant, in processors; 0 for no limit.
func groupQuota(root, groups string) float64 {
	lowest := 0.0
	add := func(quota, period int64) {
		if quota > 0 && period > 0 {
			if share := float64(quota) / float64(period); lowest == 0 || share < lowest {
				lowest = share
			}
		}
	}
	eachGroup(root, groups, "cpu", func(folder string, version int) {
		if version == 1 {
			quota, err1 := readNumber(filepath.Join(folder, "cpu.cfs_quota_us")) // -1: none
			period, err2 := readNumber(filepath.Join(folder, "cpu.cfs_period_us"))
			if err1 == nil && err2 == nil {
				add(quota, period)
			}
			return
		}
		text, err := os.ReadFile(filepath.Join(folder, "cpu.max"))
		if f := strings.Fields(string(text)); err == nil && len(f) == 2 { // "max 100000" has no quota
			quota, _ := strconv.ParseInt(f[0], 10, 64)
			period, _ := strconv.ParseInt(f[1], 10, 64)
			add(quota, period)
		}
	})
	return lowest
}

func readNumber(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

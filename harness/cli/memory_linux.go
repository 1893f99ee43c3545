package cli

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// availableMemory returns the bytes that runs may use: the machine's memory,
// or the lowest limit of this process's control groups where that is lower. 0
// means unknown.
func availableMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	total := int64(info.Totalram) * int64(info.Unit)
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return total
	}
	return groupLimit(total, "/sys/fs/cgroup", string(groups))
}

// groupLimit returns the lowest memory limit of the control groups that
// /proc/self/cgroup lists, and of those that they lie in, as mounted at root:
// that of a batch job lies a few levels up (Slurm). Of version 2 there is one
// group, "0::/path"; of version 1 the one of the memory controller.
func groupLimit(limit int64, root, groups string) int64 {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		folder, file := root, "memory.max"
		switch {
		case parts[1] == "memory":
			folder, file = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			if data, err := os.ReadFile(filepath.Join(folder, group, file)); err == nil {
				if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n > 0 { // "max" is no number
					limit = min(limit, n)
				}
			}
			if group == "/" {
				break
			}
		}
	}
	return limit
}

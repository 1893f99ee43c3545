package machine

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Waited returns the seconds that the threads of this process together have waited
// for a processor, ready to compute: the second number of /proc/[pid]/schedstat
// (proc(5)). 0 where the kernel does not count them.
func Waited() float64 {
	const tasks = "/proc/self/task"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return 0
	}
	var sum float64
	for _, t := range threads {
		text, err := os.ReadFile(filepath.Join(tasks, t.Name(), "schedstat"))
		if err != nil {
			continue // the thread has just ended
		}
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			if ns, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
				sum += float64(ns) / 1e9
			}
		}
	}
	return sum
}

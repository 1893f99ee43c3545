package train

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// peakMemory returns the largest resident size of this process so far, in
// bytes, and the name of the measure; 0 when it cannot be read.
func peakMemory() (bytes int64, measure string) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 64)
			if err == nil {
				return kib << 10, "VmHWM"
			}
		}
	}
	return 0, ""
}

package bench

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// A load is what Linux tells of the processors' time: since boot, of all
// programs together and of this one with the processes it has started and seen
// end. The unit is that of the kernel, the same for all of them.
type load struct{ total, busy, own float64 }

// newLoad reads the load; without /proc it is zero.
func newLoad() load {
	all, err := os.ReadFile("/proc/stat")
	if err != nil {
		return load{}
	}
	self, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return load{}
	}
	return parseLoad(all, self)
}

// parseLoad understands the first line of /proc/stat (user, nice, system, idle,
// iowait, irq, softirq, steal: time in which another virtual machine ran) and
// fields 14 to 17 of /proc/self/stat (utime, stime, cutime, cstime), which are
// counted from behind the program's name.
func parseLoad(all, self []byte) load {
	var l load
	line, _, _ := strings.Cut(string(all), "\n")
	for i, field := range strings.Fields(strings.TrimPrefix(line, "cpu ")) {
		n, _ := strconv.ParseFloat(field, 64) // what is no number counts nothing
		if i > 7 {
			break // guests are part of user
		}
		l.total += n
		if i != 3 && i != 4 {
			l.busy += n
		}
	}
	fields := strings.Fields(string(self[bytes.LastIndexByte(self, ')')+1:]))
	for i := 11; i < min(15, len(fields)); i++ {
		n, _ := strconv.ParseFloat(fields[i], 64)
		l.own += n
	}
	return l
}

// others returns the share of the processors' time since l that other programs
// or machines took, or -1 if that is unknown.
func (l load) others() float64 { return l.until(newLoad()) }

func (l load) until(now load) float64 {
	if now.total <= l.total || l.total == 0 {
		return -1
	}
	return max(0, (now.busy-l.busy-(now.own-l.own))/(now.total-l.total))
}

// crowded is the share of others from which on figures are suspect.
const crowded = 0.05

func (s *session) noteOthers() {
	if o := s.report.Others; o > crowded {
		s.note("other programs took %.0f %% of the processors' time: shares follow the limits measured beside them, but are rough; repeat on a quiet machine", 100*o)
	}
}

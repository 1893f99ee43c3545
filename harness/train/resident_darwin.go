package train

import (
	"runtime"
	"syscall"
)

// residentMeasure names the peak that resident returns: ru_maxrss of
// getrusage(2), the largest resident size.
const residentMeasure = "ru_maxrss"

// resident returns the memory of this process, in bytes, and the largest it has
// had; 0 where that cannot be read. What it has now is the memory that the Go
// runtime holds: the system tells the resident size to those alone that ask its
// kernel in C.
func resident() (now, peak int64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return int64(m.Sys - m.HeapReleased), 0
	}
	return int64(m.Sys - m.HeapReleased), u.Maxrss // bytes on this system
}

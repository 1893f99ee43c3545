//go:build !linux && !darwin

package train

import "runtime"

// residentMeasure names what resident returns: the memory that the Go runtime
// has obtained from the system, less what it has given back. It is the nearest
// measure where the resident size is not at hand.
const residentMeasure = "runtime.MemStats.Sys"

// resident returns the memory of this process, in bytes, and the largest it has
// had.
func resident() (now, peak int64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased), int64(m.Sys)
}

//go:build !linux

package train

import "runtime"

// peakMemory returns the memory that the Go runtime has obtained from the
// system, which only grows: the nearest measure to a peak where the resident
// size is not at hand.
func peakMemory() (bytes int64, measure string) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys), "runtime.MemStats.Sys"
}

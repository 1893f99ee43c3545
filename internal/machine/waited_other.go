//go:build !linux

package machine

// Waited is not known on this system.
func Waited() float64 { return 0 }

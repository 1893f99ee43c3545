//go:build !linux && !darwin

package machine

import "os"

// ReadDisk knows no more than whether the folder is there.
func ReadDisk(folder string) (Disk, error) {
	_, err := os.Stat(folder)
	return Disk{Type: "unknown"}, err
}

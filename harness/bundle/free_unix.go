//go:build linux || darwin

package bundle

import "syscall"

// Free returns the bytes that a user may still write where dir is.
func Free(dir string) (bytes int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}

package machine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// ReadDisk describes the file system of a folder.
func ReadDisk(folder string) (Disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return Disk{}, fmt.Errorf("file system of %s: %w", folder, err)
	}
	d := Disk{
		Type: unix.ByteSliceToString(s.Fstypename[:]), Total: int64(s.Blocks) * int64(s.Bsize), Free: int64(s.Bavail) * int64(s.Bsize),
		Files: s.Ffree,
	}
	if s.Flags&unix.MNT_LOCAL == 0 {
		d.Kind = Network
	}
	return d, nil
}

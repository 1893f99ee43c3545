//go:build linux || darwin

package shard

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps a file into memory, read-only (Linux and macOS).
func mapFile(f *os.File, size int64) ([]byte, error) {
	if int64(int(size)) != size {
		return nil, errors.New("the file does not fit the address space")
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil // some file systems cannot map: read it instead
	}
	return m, nil
}

func unmapFile(m []byte) error { return unix.Munmap(m) }

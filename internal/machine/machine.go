// Package machine reads what the operating system lets this process have:
// memory, processors, disks. What a system does not tell is zero.
package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Memory is in bytes.
type Memory struct {
	Total int64 // of the machine
	Free  int64 // that programs could take now without swapping
	Limit int64 // the lowest of this process's control groups, if it is below Total
}

// Usable returns the bytes that this process may use: the machine's memory, or
// the limit of its control groups. 0 means unknown.
func (m Memory) Usable() int64 {
	if m.Limit > 0 {
		return m.Limit
	}
	return m.Total
}

// Processors counts logical processors.
type Processors struct {
	Online int     // of the machine
	Quota  float64 // how many's time the control groups of this process grant; 0: all
}

// A Disk is the file system that a folder lies in.
type Disk struct {
	Type  string // its name: ext4, nfs, …
	Total int64  // bytes
	Free  int64  // bytes that this user may write
	Files uint64 // new files that it has room for; 0: unknown or no limit
	Kind  DiskKind
}

// A DiskKind says where a file system keeps its content.
type DiskKind uint8

// The kinds.
const (
	Local      DiskKind = iota // or not known to be another
	Network                    // on another machine
	InMemory                   // gone after a restart
	InUserMode                 // FUSE: whatever its program does
)

// DiskFor describes the file system that a folder lies in, or would: that of the
// nearest folder above it that is there.
func DiskFor(folder string) (Disk, error) {
	at, err := Existing(folder)
	if err != nil {
		return Disk{}, err
	}
	return ReadDisk(at)
}

// Existing returns the folder, or the nearest one above it that is there.
func Existing(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is not a folder", at)
		case err == nil:
			return at, nil
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // below a file
			if at == filepath.Dir(at) {
				return "", err
			}
		default:
			return "", err
		}
	}
}

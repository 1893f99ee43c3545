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
	d := diskType(uint32(s.Type))
	d.Total, d.Free, d.Files = int64(s.Blocks)*s.Bsize, int64(s.Bavail)*s.Bsize, s.Ffree
	return d, nil
}

// diskType names a file system by its number, as statfs(2) and the kernel's
// linux/magic.h list them.
func diskType(magic uint32) Disk {
	switch magic {
	case 0xef53:
		return Disk{Type: "ext4"}
	case 0x58465342:
		return Disk{Type: "xfs"}
	case 0x9123683e:
		return Disk{Type: "btrfs"}
	case 0x2fc12fc1:
		return Disk{Type: "zfs"}
	case 0xca451a4e:
		return Disk{Type: "bcachefs"}
	case 0xf2f52010:
		return Disk{Type: "f2fs"}
	case 0x794c7630:
		return Disk{Type: "overlayfs"}
	case 0x01021994:
		return Disk{Type: "tmpfs", Kind: InMemory}
	case 0x858458f6:
		return Disk{Type: "ramfs", Kind: InMemory}
	case 0x6969:
		return Disk{Type: "nfs", Kind: Network}
	case 0xff534d42, 0xfe534d42, 0x517b:
		return Disk{Type: "smb", Kind: Network}
	case 0x0bd00bd0:
		return Disk{Type: "lustre", Kind: Network}
	case 0x47504653:
		return Disk{Type: "gpfs", Kind: Network}
	case 0x00c36400:
		return Disk{Type: "ceph", Kind: Network}
	case 0x19830326:
		return Disk{Type: "beegfs", Kind: Network}
	case 0x5346414f, 0x6b414653:
		return Disk{Type: "afs", Kind: Network}
	case 0x01021997:
		return Disk{Type: "9p", Kind: Network}
	case 0x65735546:
		return Disk{Type: "fuse", Kind: InUserMode}
	case 0x6a656a63:
		return Disk{Type: "virtiofs", Kind: InUserMode}
	}
	return Disk{Type: fmt.Sprintf("type %#x", magic)}
}

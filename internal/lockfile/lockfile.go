// Package lockfile says how the files are opened by whose locks processes take
// turns.
package lockfile

import (
	"os"

	"github.com/gofrs/flock"
)

// New returns the lock of a file, which is created when it is taken. Like every
// other file of a shared folder it has the permissions that the user's umask
// leaves; and it is open for writing, as exclusive locks on NFS demand.
func New(path string) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
}

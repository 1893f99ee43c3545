package machine

import (
	"io/fs"
	"path/filepath"
)

// BytesBelow adds up the sizes of the files of a folder, or of a file. It follows
// no link.
func BytesBelow(path string) (bytes int64, err error) {
	err = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}

// Package bounded reads whole files that somebody else may have written: never
// more of them than such a file can sensibly hold.
package bounded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A TooLargeError says that a file holds more than is read from such a file.
type TooLargeError struct {
	Path  string
	Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s: holds more than %d bytes, the most that such a file has", e.Path, e.Limit)
}

// ReadFile returns the content of a regular file of at most limit bytes, and a
// [*TooLargeError] for a larger one. A pipe, of which nobody may know when it
// ends, or a device is refused before it is opened.
func ReadFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	case info.Size() > limit:
		return nil, &TooLargeError{path, limit}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead) // one allocation for a file that keeps its size
	return readAll(&b, f, path, limit)
}

// ReadAll returns at most limit bytes of what a reader gives, under the name of a
// file, and a [*TooLargeError] if there is more.
func ReadAll(r io.Reader, name string, limit int64) ([]byte, error) {
	return readAll(new(bytes.Buffer), r, name, limit)
}

// readAll does not trust a size that was read before: a file may grow meanwhile,
// and those under /proc have none.
func readAll(b *bytes.Buffer, r io.Reader, name string, limit int64) ([]byte, error) {
	if _, err := b.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, &TooLargeError{name, limit}
	}
	return b.Bytes(), nil
}

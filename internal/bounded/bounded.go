// Package bounded reads whole files that somebody else may have written: never
// more of them than such a file can sensibly hold.
package bounded

import (
	"bytes"
	"fmt"
	"io"
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

// ReadFile returns the content of a file of at most limit bytes, and a
// [*TooLargeError] for a larger one. What the file says of its own size is not
// trusted: a device has no size, and a file may grow while it is read.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && info.Size() > limit {
		return nil, &TooLargeError{path, limit}
	}
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), limit)) + bytes.MinRead) // one allocation for a file that keeps its size
	if _, err := b.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, &TooLargeError{path, limit}
	}
	return b.Bytes(), nil
}

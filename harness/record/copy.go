package record

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"ranklab/internal/atomicfile"
)

// CopyRows copies the rows of a run folder before a mark into another. Rows that
// are missing are a [*ShortError].
func CopyRows(from, to string, m Mark) error {
	return errors.Join(copyStart(from, to, metricsFile, m.Metrics), copyStart(from, to, digestsFile, m.Digests))
}

// copyStart copies the first n bytes of a file.
func copyStart(from, to, name string, n int64) error {
	path := filepath.Join(from, name)
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && n == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	return atomicfile.WriteFunc(filepath.Join(to, name), func(w io.Writer) error {
		have, err := io.CopyN(w, in, n)
		if errors.Is(err, io.EOF) {
			return &ShortError{Path: path, Want: n, Have: have}
		}
		return err
	})
}

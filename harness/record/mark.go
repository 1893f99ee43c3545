package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"ranklab/internal/atomicfile"
)

// A Mark is a place in the rows of a run: all that were written before it.
type Mark struct {
	Metrics  int64  `json:"metrics_bytes"`
	Digests  int64  `json:"digests_bytes"`
	Subspace int64  `json:"subspace_bytes,omitempty"`
	Rows     string `json:"rows_sha256"` // of these bytes of metrics.jsonl, then of digests.jsonl, then of subspace.jsonl
}

// each hands over the name of each file of rows and how far the mark reaches.
func (m Mark) each(do func(name string, n int64) error) error {
	return errors.Join(do(metricsFile, m.Metrics), do(digestsFile, m.Digests), do(subspaceFile, m.Subspace))
}

// In returns nil if the rows before the mark in a run folder are those it was
// made of. Missing ones are a [*ShortError].
func (m Mark) In(dir string) error {
	sum, err := m.sum(dir)
	if err == nil && sum != m.Rows {
		err = fmt.Errorf("the rows before it have changed: their SHA-256 is %.12s…, recorded was %.12s…", sum, m.Rows)
	}
	return err
}

// sum returns the SHA-256 of the rows before the mark.
func (m Mark) sum(dir string) (string, error) {
	h := sha256.New()
	err := m.each(func(name string, n int64) error { return hashStart(h, filepath.Join(dir, name), n) })
	return hex.EncodeToString(h.Sum(nil)), err
}

func hashStart(h hash.Hash, path string, n int64) error {
	f, err := openStart(path, n)
	if f == nil || err != nil {
		return err
	}
	defer f.Close()
	return copyStart(h, f, n)
}

// CopyRows copies the rows of a run folder before a mark into another.
func CopyRows(from, to string, m Mark) error {
	return m.each(func(name string, n int64) error {
		f, err := openStart(filepath.Join(from, name), n)
		if f == nil || err != nil {
			return err
		}
		defer f.Close()
		return atomicfile.WriteFunc(filepath.Join(to, name), func(w io.Writer) error { return copyStart(w, f, n) })
	})
}

// openStart opens a file whose first n bytes are wanted; nil if there is none,
// and none are.
func openStart(path string, n int64) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if n > 0 {
			return nil, &ShortError{Path: path, Want: n}
		}
		return nil, nil
	}
	return f, err
}

// copyStart copies the first n bytes of a file. Fewer are a [*ShortError].
func copyStart(w io.Writer, f *os.File, n int64) error {
	have, err := io.CopyN(w, f, n)
	if errors.Is(err, io.EOF) {
		return &ShortError{Path: f.Name(), Want: n, Have: have}
	}
	return err
}

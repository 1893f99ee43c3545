package bundle

import (
	"bufio"
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
	"ranklab/internal/safetensors"
)

// A folder is a bundle being written: a hidden folder beside its target, which
// is renamed when everything is on disk.
type folder struct {
	dir    string // hidden
	target string
	files  map[string]File
}

// newFolder creates the hidden folder. The target must not exist, or be empty.
func newFolder(target string) (*folder, error) {
	target, err := filepath.Abs(target)
	if err != nil {
		return nil, err
	}
	if err := vacant(target); err != nil {
		return nil, err
	}
	parent := filepath.Dir(target)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "."+filepath.Base(target)+".writing-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // other people read it too
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &folder{dir: dir, target: target, files: make(map[string]File)}, nil
}

// vacant reports whether a bundle may be written to a path.
func vacant(target string) error {
	entries, err := os.ReadDir(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is there already and not empty: name another folder with -o, or remove it", target)
	}
	return nil
}

// path returns that of a file in the hidden folder.
func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// write creates a file by what fill writes, on disk when it returns.
func (f *folder) write(name string, fill func(w io.Writer) error) error {
	file, err := f.create(name)
	if err != nil {
		return err
	}
	return file.finish(fill(file))
}

// tensors writes a safetensors file.
func (f *folder) tensors(name string, ts []safetensors.Tensor) error {
	err := f.write(name, func(w io.Writer) error {
		return safetensors.Write(w, map[string]string{"format": "pt"}, ts)
	})
	info := f.files[name]
	info.Tensors = len(ts)
	f.files[name] = info
	return err
}

// spools are what becomes files when the run is over, by name.
type spools map[string]*safetensors.Spool

// spools begins files whose tensors come one after the other.
func (f *folder) spools(names []string) (spools, error) {
	all := make(spools)
	for _, name := range names {
		s, err := safetensors.NewSpool(f.path("." + name))
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all[name] = s
	}
	return all, nil
}

// close removes the scratch files; closing again does nothing.
func (s spools) close() (err error) {
	for _, spool := range s {
		err = errors.Join(err, spool.Close())
	}
	clear(s)
	return err
}

// A file is one that is being written and digested.
type file struct {
	folder *folder
	name   string
	file   *os.File
	buffer *bufio.Writer
	sum    hash.Hash
	bytes  int64
}

func (f *folder) create(name string) (*file, error) {
	out, err := os.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return &file{folder: f, name: name, file: out, buffer: bufio.NewWriterSize(out, 1<<16), sum: sha256.New()}, nil
}

func (f *file) Write(b []byte) (int, error) {
	f.sum.Write(b) // never fails
	f.bytes += int64(len(b))
	return f.buffer.Write(b)
}

// finish closes the file and enters it into the folder's list. err is that of
// writing it.
func (f *file) finish(err error) error {
	if err == nil {
		err = f.buffer.Flush()
	}
	if err == nil {
		err = f.file.Sync()
	}
	if err := errors.Join(err, f.file.Close()); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	f.folder.files[f.name] = File{Bytes: f.bytes, SHA256: hex.EncodeToString(f.sum.Sum(nil))}
	return nil
}

// commit gives the folder its name.
func (f *folder) commit() error {
	if err := atomicfile.SyncDir(f.dir); err != nil {
		return err
	}
	if info, err := os.Lstat(f.target); err == nil && info.IsDir() {
		if err := os.Remove(f.target); err != nil { // succeeds if it is empty
			return fmt.Errorf("%s was filled while the bundle was written: %w", f.target, err)
		}
	}
	if err := os.Rename(f.dir, f.target); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(f.target))
}

// discard removes what commit has not renamed.
func (f *folder) discard() error { return os.RemoveAll(f.dir) }

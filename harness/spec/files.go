package spec

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"ranklab/experiments"
)

// files is where specs are read from: a disk or a file system, and behind it
// the experiments in the binary.
type files struct {
	disk     fs.FS // nil: the operating system's
	embedded fs.FS
}

// A file is one text that was found.
type file struct {
	name     string // as shown
	path     string // on disk, or in the embedded file system
	embedded bool
	text     string
}

// open finds a spec by path, or among the embedded experiments by name: "quick"
// and "experiments/quick.toml" are the same one.
func (f files) open(name string) (file, error) {
	text, err := f.read(name)
	if err == nil {
		return file{name: name, path: name, text: text}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return file{}, err
	}
	return f.openEmbedded(name, err)
}

// openBeside finds a file that another one names in extends.
func (f files) openBeside(from *source, name string) (file, error) {
	if from.embedded {
		beside := path.Join(path.Dir(from.path), filepath.ToSlash(name))
		if found, err := f.openEmbedded(beside, nil); err == nil {
			return found, nil
		}
		return f.openEmbedded(name, fs.ErrNotExist)
	}
	beside := name
	if !filepath.IsAbs(name) {
		beside = filepath.Join(filepath.Dir(from.path), name)
	}
	text, err := f.read(beside)
	if err == nil {
		return file{name: beside, path: beside, text: text}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return file{}, err
	}
	return f.openEmbedded(name, err)
}

func (f files) openEmbedded(name string, otherwise error) (file, error) {
	clean := path.Clean(strings.TrimPrefix(path.Clean(filepath.ToSlash(name)), "experiments/"))
	for _, try := range []string{clean, clean + ".toml"} {
		if !strings.HasSuffix(try, ".toml") || !fs.ValidPath(try) {
			continue
		}
		if text, err := fs.ReadFile(f.embedded, try); err == nil {
			return file{name: "embedded:" + try, path: try, embedded: true, text: string(text)}, nil
		}
	}
	if otherwise == nil {
		otherwise = fs.ErrNotExist
	}
	return file{}, otherwise
}

func (f files) read(name string) (string, error) {
	if f.disk != nil {
		text, err := fs.ReadFile(f.disk, path.Clean(filepath.ToSlash(name)))
		return string(text), err
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", &fs.PathError{Op: "open", Path: name, Err: errors.New("is a folder")}
	}
	if info.Size() > maxFileBytes {
		return "", &fs.PathError{Op: "open", Path: name, Err: errors.New("is larger than 1 MiB, the limit of a spec")}
	}
	text, err := os.ReadFile(name)
	return string(text), err
}

// Embedded lists the experiments in the binary by the names that [Load] takes,
// without those under base/, which hold protocols only.
func Embedded() []string {
	var names []string
	// The walk cannot fail: the file system is part of the binary.
	_ = fs.WalkDir(experiments.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".toml") && !strings.HasPrefix(p, "base/") {
			names = append(names, strings.TrimSuffix(p, ".toml"))
		}
		return err
	})
	slices.Sort(names)
	return names
}

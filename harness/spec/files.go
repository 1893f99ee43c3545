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
	"ranklab/internal/bounded"
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

// experimentsDir is the folder on disk in which experiments are found by name.
const experimentsDir = "experiments"

// errFolder says that a path leads to a folder.
var errFolder = errors.New("is a folder")

// open finds a spec by path, or else by name: in the folder experiments below
// the working directory, then among the experiments in the binary. "quick",
// "quick.toml" and "experiments/quick.toml" are the same one. A folder of that
// name, as galore may be beside experiments/galore.toml, is in nobody's way.
func (f files) open(name string) (file, error) {
	text, err := f.read(name)
	if err == nil {
		return file{name: name, path: name, text: text}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errFolder) {
		return file{}, err
	}
	for _, try := range fileNames(name) {
		onDisk := path.Join(experimentsDir, try)
		text, err := f.read(onDisk)
		if err == nil {
			return file{name: onDisk, path: onDisk, text: text}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errFolder) {
			return file{}, err
		}
	}
	return f.openEmbedded(name, err)
}

// fileNames lists the files below a folder of experiments that a name may mean;
// none when it leads elsewhere.
func fileNames(name string) []string {
	clean := path.Clean(strings.TrimPrefix(path.Clean(filepath.ToSlash(name)), experimentsDir+"/"))
	var list []string
	for _, try := range []string{clean, clean + ".toml"} {
		if strings.HasSuffix(try, ".toml") && fs.ValidPath(try) {
			list = append(list, try)
		}
	}
	return list
}

// Exists reports whether [Load] finds a file for a path or name.
func Exists(name string) bool {
	_, err := files{embedded: experiments.FS}.open(name)
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errFolder)
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
	for _, try := range fileNames(name) {
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
		return "", &fs.PathError{Op: "open", Path: name, Err: errFolder}
	}
	in, err := os.Open(name) // or a pipe, as in: ranklab plan <(generate)
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := bounded.ReadAll(in, name, maxFileBytes)
	return string(text), err
}

// Embedded lists the experiments in the binary by the names that [Load] takes,
// without those under base/, which hold protocols only, and without lock files.
func Embedded() []string {
	var names []string
	// The walk cannot fail: the file system is part of the binary.
	_ = fs.WalkDir(experiments.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".toml") && !strings.HasSuffix(p, LockSuffix) && !strings.HasPrefix(p, "base/") {
			names = append(names, strings.TrimSuffix(p, ".toml"))
		}
		return err
	})
	slices.Sort(names)
	return names
}

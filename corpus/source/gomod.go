package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Module is one pinned Go module.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum"` // the h1: checksum of the module's zip, once resolved
}

// GoModules are the Go files of pinned modules. Generated files, tests, and
// files below testdata and vendor are left out, and licence headers are
// stripped. Documents come in the order of module path, then file path,
// compared bytewise, and are named "module path/file path" without the
// version.
type GoModules struct {
	modules []Module
	dirs    []string // parallel to modules; nil until resolved
	files   []goFile
	drops   Drops
	size    int64
}

type goFile struct {
	name, path string
	size       int64
}

// exactVersion matches versions that can only ever mean one content.
var exactVersion = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+incompatible)?$`)

// modulePath matches what may be the path of a module, as far as that it is no
// option of the go command. The go command knows the whole rule.
var modulePath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~/-]*$`)

// NewGoModules checks a list of "module@version". It runs nothing; the first
// Walk or Resolve does.
func NewGoModules(modules []string) (*GoModules, error) {
	if len(modules) == 0 {
		return nil, errors.New("no Go modules are named: write for example gonum.org/v1/gonum@v0.17.0")
	}
	g := &GoModules{}
	for _, m := range modules {
		name, version, found := strings.Cut(m, "@")
		switch {
		case !found || name == "":
			return nil, fmt.Errorf("module %q: write it as module@version, for example gonum.org/v1/gonum@v0.17.0", m)
		case !modulePath.MatchString(name) || path.Clean(name) != name:
			return nil, fmt.Errorf("module %q: %q is not the path of a module", m, name)
		case !exactVersion.MatchString(version):
			return nil, fmt.Errorf("module %q: version %q is not exact: a corpus needs one like v1.2.3, which never changes its meaning", m, version)
		}
		g.modules = append(g.modules, Module{Path: name, Version: version})
	}
	slices.SortFunc(g.modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(g.modules); i++ {
		if g.modules[i].Path == g.modules[i-1].Path {
			return nil, fmt.Errorf("module %s is named twice", g.modules[i].Path)
		}
	}
	return g, nil
}

// Modules returns the modules in the order of the corpus. Their sums are
// empty until [GoModules.Resolve] or Walk has run.
func (g *GoModules) Modules() []Module { return slices.Clone(g.modules) }

// Fingerprint identifies the modules by their exact versions.
func (g *GoModules) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, "gomod")
	for _, m := range g.modules {
		fmt.Fprintf(h, "%s@%s\n", m.Path, m.Version)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Size is the number of bytes of the chosen files, 0 before Resolve.
func (g *GoModules) Size() int64 { return g.size }

// Resolve has the go command fetch the modules and lists their files. Further
// calls return at once.
func (g *GoModules) Resolve(ctx context.Context) error {
	if g.dirs != nil {
		return nil
	}
	downloads, err := download(ctx, g.modules)
	if err != nil {
		return err
	}
	drops := make(Drops)
	for i, d := range downloads {
		g.modules[i].Sum = d.Sum
		if err := g.list(g.modules[i].Path, d.Dir, drops); err != nil {
			return fmt.Errorf("module %s@%s: %w", g.modules[i].Path, g.modules[i].Version, err)
		}
		g.dirs = append(g.dirs, d.Dir)
	}
	g.drops = drops
	return nil
}

// list adds the .go files of one module in bytewise order of their path.
func (g *GoModules) list(module, dir string, drops Drops) error {
	first := len(g.files)
	err := filepath.WalkDir(dir, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(p) != ".go" {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if reason := skipPath(rel); reason != "" {
			drops[reason]++
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		g.files = append(g.files, goFile{path.Join(module, rel), p, info.Size()})
		g.size += info.Size()
		return nil
	})
	slices.SortFunc(g.files[first:], func(a, b goFile) int { return strings.Compare(a.name, b.name) })
	return err
}

// Walk implements [Source].
func (g *GoModules) Walk(ctx context.Context, yield func(Document) error) (Drops, error) {
	if err := g.Resolve(ctx); err != nil {
		return nil, err
	}
	drops := make(Drops)
	for reason, n := range g.drops {
		drops[reason] = n
	}
	var read int64
	for _, f := range g.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(f.path)
		if err != nil {
			return nil, err
		}
		read += f.size
		text, reason := cleanGo(text)
		if reason != "" {
			drops[reason]++
			continue
		}
		if err := yield(Document{Name: f.name, Text: text, Read: read}); err != nil {
			return nil, err
		}
	}
	return drops, nil
}

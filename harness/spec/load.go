package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"ranklab/experiments"
	"ranklab/harness/view"
)

const (
	maxIncludeDepth = 16
	maxFiles        = 64
)

// Load reads an experiment and resolves all its runs. A path that is not on
// disk may be the name of an experiment in the folder experiments, or else of
// one in the binary: "quick", "quick.toml", "paper/table2-130m".
//
// overrides are the values of -S options: "train.steps=2000",
// "method.galore.lr=0.02", "seeds=3". The value is TOML, or a bare string. They
// win over every file, method, axis and case. The error is a [*Problems].
func Load(path string, overrides []string) (*Experiment, error) {
	return load(files{embedded: experiments.FS}, path, overrides)
}

// LoadFS is [Load] over a file system instead of the disk.
func LoadFS(fsys fs.FS, path string, overrides []string) (*Experiment, error) {
	return load(files{disk: fsys, embedded: experiments.FS}, path, overrides)
}

func load(f files, path string, overrides []string) (*Experiment, error) {
	l := &loader{files: f, problems: &collector{}}
	root, shown := l.loadRoot(path)
	if l.broken || tooManyMethods(root, l.problems) {
		return nil, l.problems.err()
	}
	over := parseOverrides(overrides, root, l.problems)
	file := root.pos
	root = merge(root, over, l.problems)
	root.pos, root.key = file, file // the command line is no place for missing tables
	e := &expander{root: root, overrides: over, problems: l.problems, files: f}
	x := &Experiment{Path: shown}
	e.readTune()
	e.readRates()
	points := e.expand()
	plan := e.readSeeds()
	x.Name, x.Title, x.Question, x.Seeds = e.experimentName(shown), e.title(), e.text("question"), plan.seeds
	x.Declarations = view.Declarations{
		Figures: e.readFigures(), Tables: e.readTables(),
		Claims: e.readClaims(), Contract: e.readContract(), References: e.readReferences(),
	}
	x.Runs = e.build(points, plan)
	x.Tune, x.Rates = e.finishTune(plan), e.finishRates()
	e.rehearse(x)
	x.Notes = e.notes
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return x, nil
}

// tooManyMethods reports more methods than an experiment can be told about.
func tooManyMethods(root *node, problems *collector) bool {
	methods := root.get("method")
	if methods == nil || len(methods.names) <= maxMethods {
		return false
	}
	one := methods.children[methods.names[maxMethods]]
	problems.add(one.place(), "", "", "an experiment has at most %d methods; this is one more", maxMethods)
	return true
}

// A loader reads a file and all that it extends.
type loader struct {
	files    files
	problems *collector
	stack    []string // files being read, for cycles
	count    int
	broken   bool // a file is missing or cannot be parsed: nothing more can be said
}

func (l *loader) loadRoot(path string) (root *node, shown string) {
	found, err := l.files.open(path)
	if err != nil {
		l.broken = true
		if !errors.Is(err, fs.ErrNotExist) {
			l.problems.add(pos{}, "", "", "%v", err)
			return nil, path
		}
		suggestion, _ := didYouMean(strings.TrimSuffix(filepath.Base(path), ".toml"), Embedded())
		l.problems.add(pos{}, suggestion, "experiments in the binary: "+strings.Join(Embedded(), ", "), "%s: no such file, and no experiment of that name in %s/ or in the binary", path, experimentsDir)
		return nil, path
	}
	if strings.HasSuffix(found.path, LockSuffix) {
		l.broken = true
		l.problems.add(pos{}, "name the experiment: "+strings.TrimSuffix(path, LockSuffix)+".toml", "", "%s holds tuned learning rates and is no experiment", path)
		return nil, path
	}
	return l.read(found, pos{}), found.name
}

// read parses a file and merges it over what it extends.
func (l *loader) read(f file, from pos) *node {
	src := newSource(f.name, f.text)
	src.from, src.order, src.embedded, src.path = from, l.count, f.embedded, f.path
	l.count++
	before := l.problems.fatals
	tree := parse(src, l.problems)
	if l.problems.fatals > before {
		l.broken = true
		return tree
	}
	l.stack = append(l.stack, f.name)
	defer func() { l.stack = l.stack[:len(l.stack)-1] }()
	var base *node
	for _, entry := range l.extends(tree) {
		included := l.include(src, entry)
		if included == nil {
			continue
		}
		included.remove("name") // each file has its own
		included.remove("title")
		included.remove("question")
		if base == nil {
			base = included
		} else {
			base = merge(base, included, l.problems)
		}
	}
	tree.remove("extends")
	return merge(base, tree, l.problems)
}

// extends returns the entries of extends: a path or a list of paths.
func (l *loader) extends(tree *node) []*node {
	n := tree.get("extends")
	switch {
	case n == nil:
		return nil
	case n.kind == stringNode:
		return []*node{n}
	case n.kind != arrayNode:
		l.problems.add(n.pos, "", "", "extends takes a path or a list of paths, not %s", n.describe())
		return nil
	}
	return slices.DeleteFunc(slices.Clone(n.items), func(item *node) bool {
		if item.kind != stringNode {
			l.problems.add(item.pos, "", "", "extends takes paths, not %s", item.describe())
			return true
		}
		return false
	})
}

func (l *loader) include(src *source, entry *node) *node {
	fail := func(hint, format string, args ...any) *node {
		l.broken = true
		l.problems.add(entry.pos, "", hint, format, args...)
		return nil
	}
	found, err := l.files.openBeside(src, entry.str)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("a path is relative to the file that names it; in the binary there are base/proxy-1m.toml, base/paper.toml and the experiments", "%s: no such file", entry.str)
	case err != nil:
		return fail("", "%s: %v", entry.str, err)
	case slices.Contains(l.stack, found.name):
		return fail("", "%s", fmt.Sprintf("a file extends itself: %s → %s", strings.Join(l.stack[slices.Index(l.stack, found.name):], " → "), found.name))
	case len(l.stack) >= maxIncludeDepth || l.count >= maxFiles:
		return fail("", "too many files: extends may nest %d deep and name %d files in all", maxIncludeDepth, maxFiles)
	}
	return l.read(found, entry.pos)
}

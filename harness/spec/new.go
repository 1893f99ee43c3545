package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ranklab/experiments"
	"ranklab/internal/safename"
)

// New returns the text of an experiment file that starts as a copy of another,
// comments included. name is the path where the text will stand, with or
// without .toml; its last element names the experiment. from is what [Load]
// takes: a path or the name of an experiment. The paths in extends are
// rewritten for the new place, and so are those of use_lr; the title and the comment
// at the top are replaced. A copy of an experiment with [tune] is to be tuned
// itself: lock files are not copied.
func New(name, from string) ([]byte, error) {
	target := strings.TrimSuffix(filepath.ToSlash(name), ".toml")
	stem := path.Base(target)
	if !safename.Valid(stem) {
		return nil, fmt.Errorf("new experiment %q: use letters, digits, - and _ in the name", stem)
	}
	f := files{embedded: experiments.FS}
	l := &loader{files: f, problems: &collector{}}
	found, err := f.open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("new experiment from %q: no such file or experiment; in the binary there are %s", from, strings.Join(Embedded(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("new experiment from %q: %w", from, err)
	}
	src := newSource(found.name, found.text)
	src.path, src.embedded = found.path, found.embedded
	tree := parse(src, l.problems)
	entries := l.extends(tree)
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	var edits []edit
	for _, entry := range entries {
		included, err := f.openBeside(src, entry.str)
		if err != nil {
			return nil, fmt.Errorf("%s: extends %q: %w", entry.pos, entry.str, err)
		}
		moved, err := movedPath(target, included)
		if err != nil {
			return nil, fmt.Errorf("%s: extends %q: %w", entry.pos, entry.str, err)
		}
		edits = append(edits, edit{entry.pos, strconv.Quote(moved)})
	}
	lent, err := movedRates(f, src, tree, target)
	if err != nil {
		return nil, err
	}
	edits = append(edits, lent...)
	// What the file says of itself at the top is not true of its copy.
	head := fmt.Sprintf("# Started as a copy of %s. Change what differs, then:\n#   ranklab plan %[2]s.toml     what it would train\n#   ranklab sweep %[2]s.toml    train it\n\n",
		printable(path.Base(filepath.ToSlash(found.path))), printable(target))
	missing := ""
	for _, key := range []string{"name", "title"} {
		if n := tree.get(key); n != nil {
			edits = append(edits, edit{n.pos, strconv.Quote(stem)})
		} else {
			missing += key + " = " + strconv.Quote(stem) + "\n"
		}
	}
	if n := tree.get("question"); n != nil {
		edits = append(edits, edit{n.pos, `""`})
	}
	edits = append(edits, edit{src.at(firstKey(tree), firstKey(tree)), missing}, edit{src.at(0, headerEnd(found.text)), head})
	return []byte(applyEdits(found.text, edits)), nil
}

// movedRates names the experiments in use_lr as a file at target does. The file's
// own tuned rates become those of the copy, which has the same [tune].
func movedRates(f files, src *source, tree *node, target string) ([]edit, error) {
	methods := tree.get("method")
	if methods == nil || methods.kind != tableNode {
		return nil, nil
	}
	var edits []edit
	for _, name := range methods.names {
		use := methods.children[name].get("use_lr")
		if use == nil || use.kind != stringNode {
			continue
		}
		i := strings.LastIndexByte(use.str, ':')
		if i < 0 {
			continue
		}
		found, err := f.openNamed(src, strings.TrimSuffix(use.str[:i], ".toml"))
		if err != nil {
			continue // a lock file alone, or a mistake, which loading the copy reports
		}
		moved := path.Base(target)
		if filepath.Clean(found.path) != filepath.Clean(src.path) || found.embedded != src.embedded || tree.get("tune") == nil {
			if moved, err = movedPath(target, found); err != nil {
				return nil, fmt.Errorf("%s: use_lr %q: %w", use.pos, use.str, err)
			}
		}
		edits = append(edits, edit{use.pos, strconv.Quote(strings.TrimSuffix(moved, ".toml") + use.str[i:])})
	}
	return edits, nil
}

// headerEnd returns where the comment at the top of a file ends, with the blank
// lines behind it. A comment that a key follows without a blank line belongs to
// the key.
func headerEnd(text string) int {
	end, comment := 0, true
	for line := range strings.Lines(text) {
		switch content := strings.TrimSpace(line); {
		case comment && strings.HasPrefix(content, "#"):
		case content == "":
			comment = false
		case comment:
			return 0
		default:
			return end
		}
		end += len(line)
	}
	return end
}

// movedPath returns how a file at target names an included file.
func movedPath(target string, included file) (string, error) {
	if included.embedded {
		return included.path, nil
	}
	to, err := filepath.Abs(included.path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.Abs(filepath.Dir(filepath.FromSlash(target)))
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, to)
	return filepath.ToSlash(rel), err
}

// firstKey returns where the first key or table header of a file stands, at the
// start of its line.
func firstKey(tree *node) int {
	first := len(tree.pos.src.text)
	for _, name := range tree.names {
		first = min(first, tree.children[name].place().start)
	}
	return strings.LastIndexByte(tree.pos.src.text[:first], '\n') + 1
}

// An edit replaces a piece of a text. Of two at one place the later one comes
// first in the result.
type edit struct {
	at   pos
	text string
}

func applyEdits(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return b.at.start - a.at.start })
	for _, e := range edits {
		text = text[:e.at.start] + e.text + text[e.at.end:]
	}
	return text
}

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"ranklab/internal/atomicfile"
)

// Publish copies a sweep and its finished runs to ROOT/reference/EXPERIMENT,
// to be committed: the files that tables and figures are drawn from, without
// checkpoints, logs and timings. Absolute paths are taken out of the copies of
// spec.toml. It returns the number of runs copied, and refuses a sweep of which
// a run has no result, or that was made with overrides: those who read its
// numbers would look for them in the experiment's file.
func Publish(root, experiment string) (int, error) {
	s, err := ReadSweep(root, experiment)
	if err != nil {
		return 0, err
	}
	if len(s.Overrides) > 0 {
		return 0, fmt.Errorf("the sweep of %q was made %s, which its file does not say: published results must follow from the file alone, so write the values into it, or sweep without -S, and publish that", s.Experiment, s.OverrideNote())
	}
	runs, err := List(root)
	if err != nil {
		return 0, err
	}
	dest := referenceDir(root, experiment)
	copied := map[string]bool{}
	for _, sr := range s.Runs {
		r, err := Find(runs, sr.ID)
		if err != nil || !r.Finished() {
			return len(copied), fmt.Errorf("run %s (%s) has no result: finish the sweep first", ShortID(sr.ID), sr.Label)
		}
		to := Dir(dest, r.ID)
		if copied[r.ID] || r.Dir == to {
			continue
		}
		if err := publishRun(r.Dir, to); err != nil {
			return len(copied), err
		}
		copied[r.ID] = true
	}
	return len(copied), writeJSON(filepath.Join(dest, sweepFile), s)
}

// publishRun copies the files of a run, the summary last.
func publishRun(from, to string) error {
	if err := noLinks(from); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	for _, name := range []string{specFile, originFile, provenanceFile, evidenceFile, memoryFile, estimateFile, metricsFile, digestsFile, subspaceFile, summaryFile} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && name == specFile {
			if data, err = withoutPaths(data); err != nil {
				err = fmt.Errorf("%s: %w", filepath.Join(from, name), err)
			}
		}
		if err != nil {
			return err
		}
		if err := atomicfile.Write(filepath.Join(to, name), data); err != nil {
			return err
		}
	}
	return nil
}

// noLinks refuses a folder in which a file is a symbolic link: what is published
// gets committed, and a link could bring in a file from elsewhere.
func noLinks(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); e.Type()&fs.ModeSymlink != 0 && (err != nil || !info.IsDir()) {
			return fmt.Errorf("%s is a symbolic link: put the file in its place", path)
		}
	}
	return nil
}

// pathSettings are the keys that name places on the user's disk, with what stands
// for no place. The run's identity holds digests instead. No weights to start from
// would be another start, so they keep a name.
func pathSettings() map[string]string {
	return map[string]string{"data.paths": "[]", "data.tokenizer_model": `""`, "init.from": `"imported-weights"`}
}

// withoutPaths returns a resolved run without the values of pathSettings that
// hold an absolute path. It relies on one key per line, as resolved runs are
// written, and makes sure that this was enough.
func withoutPaths(spec []byte) ([]byte, error) {
	var out strings.Builder
	section := ""
	for line := range strings.Lines(string(spec)) {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "[") {
			section = strings.Trim(text, "[]")
		}
		key, _, _ := strings.Cut(text, "=")
		key = strings.TrimSpace(key)
		if nothing, isPath := pathSettings()[section+"."+key]; isPath {
			var value map[string]any
			if err := toml.Unmarshal([]byte(text), &value); err == nil && holdsAbsolute(value[key]) {
				line = key + " = " + nothing + "\n"
			}
		}
		out.WriteString(line)
	}
	var run map[string]map[string]any
	if err := toml.Unmarshal([]byte(out.String()), &run); err != nil {
		return nil, err
	}
	for path := range pathSettings() {
		section, key, _ := strings.Cut(path, ".")
		if holdsAbsolute(run[section][key]) {
			return nil, fmt.Errorf("%s holds an absolute path and does not stand on a line of its own, so it cannot be taken out", path)
		}
	}
	return []byte(out.String()), nil
}

// holdsAbsolute reports whether a path, or one of a list, is absolute on this
// system or on Windows.
func holdsAbsolute(v any) bool {
	switch v := v.(type) {
	case string:
		drive := len(v) > 2 && v[1] == ':' && (v[2] == '/' || v[2] == '\\')
		return filepath.IsAbs(v) || drive || strings.HasPrefix(v, "/") || strings.HasPrefix(v, `\\`)
	case []any:
		return slices.ContainsFunc(v, holdsAbsolute)
	}
	return false
}

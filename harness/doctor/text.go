package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ranklab/corpus"
	"ranklab/experiments"
	"ranklab/harness/spec"
)

// text says whether the text of the shipped experiments is at hand: prepared in
// the cache, or as Go modules. It asks nobody for them.
func (e *examination) text() {
	e.prepared()
	needed, err := shippedModules()
	if err != nil {
		e.find(Finding{Subject: "Go modules", Level: Failure, Text: err.Error()})
		return
	}
	go_, err := goEnvironment(e.ctx)
	if err != nil {
		e.find(Finding{
			Subject: "Go command", Level: Warning, Text: err.Error(),
			Hint: "text from Go modules cannot be fetched without it: install Go (https://go.dev/dl/), or train on text files or C4",
		})
		return
	}
	e.find(Finding{Subject: "Go command", Level: OK, Text: go_.Version, Values: map[string]any{"version": go_.Version}})
	var missing []string
	for _, m := range needed {
		if !go_.has(m) {
			missing = append(missing, m)
		}
	}
	f := Finding{
		Subject: "Go modules", Level: OK, Text: fmt.Sprintf("%d of the %d that shipped experiments train on are in the module cache", len(needed)-len(missing), len(needed)),
		Values: map[string]any{"needed": needed, "missing": append([]string{}, missing...), "proxy": go_.Proxy},
	}
	if len(missing) > 0 {
		f.Level, f.Text = Warning, f.Text+"; missing: "+strings.Join(missing, ", ")
		f.Hint = fmt.Sprintf("the first sweep that needs them fetches them (GOPROXY=%s); without a network run `go mod download %s` where there is one", go_.Proxy, missing[0])
		if go_.Proxy == "off" {
			f.Hint = "GOPROXY=off forbids to fetch them: run `go mod download " + missing[0] + "` without it"
		}
	}
	e.find(f)
}

// prepared counts what the cache holds.
func (e *examination) prepared() {
	stored, err := corpus.Inventory(e.Cache)
	if err != nil {
		e.find(Finding{Subject: "prepared text", Level: Warning, Text: err.Error()})
		return
	}
	n, bytes := 0, int64(0)
	for _, s := range stored {
		bytes += s.Bytes
		if s.Kind == corpus.StoredTokens {
			n++
		}
	}
	e.find(Finding{
		Subject: "prepared text", Level: OK, Text: fmt.Sprintf("%d token sets; the cache holds %s", n, size(bytes)),
		Values: map[string]any{"token_sets": n, "bytes": bytes},
	})
}

// shippedModules lists what the experiments of the program train on, as
// module@version.
func shippedModules() ([]string, error) {
	files, err := fs.Glob(experiments.FS, "*.toml")
	if err != nil {
		return nil, err
	}
	var modules []string
	for _, file := range files {
		if strings.HasSuffix(file, spec.LockSuffix) {
			continue
		}
		x, err := spec.LoadFS(experiments.FS, file, nil)
		if err != nil {
			return nil, err
		}
		for _, r := range x.Runs {
			modules = append(modules, r.Run.Data.Modules...)
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules), nil
}

// A goEnv is what the go command says of itself.
type goEnv struct {
	Version string `json:"GOVERSION"`
	Cache   string `json:"GOMODCACHE"`
	Proxy   string `json:"GOPROXY"`
}

// goEnvironment asks the go command, outside of any module, so that it fetches
// no other toolchain.
func goEnvironment(ctx context.Context) (g goEnv, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOVERSION", "GOMODCACHE", "GOPROXY")
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOWORK=off", "GO111MODULE=on")
	out, err := cmd.Output()
	if err != nil {
		return g, fmt.Errorf("go env: %w", err)
	}
	return g, json.Unmarshal(out, &g)
}

// has reports whether the module cache holds a module, unpacked or as a zip.
func (g goEnv) has(module string) bool {
	name, version, _ := strings.Cut(module, "@")
	name, version = escaped(name), escaped(version)
	for _, path := range []string{
		filepath.Join(g.Cache, filepath.FromSlash(name)+"@"+version),
		filepath.Join(g.Cache, "cache", "download", filepath.FromSlash(name), "@v", version+".zip"),
	} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// escaped is how the module cache writes a path or a version: capitals as "!"
// and the small letter, for file systems that do not tell them apart.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('!')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

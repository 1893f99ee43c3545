package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// allowed is the house in one table: what each package may import of the
// project. A pattern ends in /... for a folder and everything below it.
// Imports point one way: numbers (tensor, models, optim, methods) know nothing
// of the harness, and drawing knows nothing of training.
var allowed = map[string][]string{
	"internal/...":    {"internal/..."},
	"tensor":          {"internal/..."},
	"models":          {"tensor", "internal/..."},
	"optim":           {"models", "tensor", "internal/..."},
	"optim/optimtest": {"optim", "models", "tensor", "internal/..."},
	"galore":          {"optim", "models", "tensor", "internal/..."},
	"lora":            {"optim", "models", "tensor", "internal/..."},
	"relora":          {"lora", "optim", "models", "tensor", "internal/..."},
	"lowrank":         {"lora", "optim", "models", "tensor", "internal/..."},
	"corpus/...":      {"corpus/...", "internal/..."},
	"plots":           {"harness/view", "harness/stats", "internal/..."},
	"experiments":     {},

	"harness/record": {"internal/..."},
	"harness/stats":  {"internal/..."},
	"harness/expr":   {},
	"harness/view":   {"harness/record", "harness/stats", "harness/expr", "internal/..."},
	"harness/report": {"plots", "harness/footprint", "harness/view", "harness/stats", "harness/record", "internal/..."},

	"harness/footprint": {"models"},
	"harness/golden":    {"corpus", "harness/spec", "models", "internal/..."},
	"harness/selftest":  {"tensor", "internal/..."},
	"harness/gc":        {"corpus", "harness/train", "harness/record", "internal/..."},
	"harness/doctor": {
		"corpus", "experiments", "harness/bench/blas", "harness/golden", "harness/selftest", "harness/train", "harness/spec", "harness/record", "tensor", "internal/...",
	},
	"harness/spec": {"models", "experiments", "harness/view", "harness/expr", "internal/..."},
	"harness/train": {
		"corpus/...", "galore", "lora", "relora", "lowrank", "optim", "models", "tensor",
		"harness/spec", "harness/footprint", "harness/record", "internal/...",
	},
	"harness/export": {
		"corpus/...", "harness/train", "harness/spec", "harness/view", "harness/record", "models", "tensor", "internal/...",
	},
	"harness/tune":   {"harness/spec"},
	"harness/plan":   {"corpus/...", "harness/train", "harness/spec", "harness/record", "tensor", "internal/..."},
	"harness/verify": {"corpus/...", "harness/train", "harness/spec", "harness/record", "tensor", "internal/..."},
	"harness/crash":  {},
	"harness/fleet":  {"harness/plan", "harness/train", "harness/spec", "harness/record", "internal/..."},
	"harness/bench": {
		"harness/bench/blas", "harness/footprint", "harness/train", "harness/spec", "harness/record", "optim", "models", "tensor", "internal/...",
	},
	"harness/bench/blas": {"tensor", "internal/..."},
	"harness/bundle":     {"corpus/...", "harness/train", "harness/spec", "optim", "models", "tensor", "internal/..."},
	"harness/cli":        {"harness/...", "plots", "corpus/...", "models", "tensor", "experiments", "internal/..."},

	"interop/...": {
		"interop/...", "harness/bundle", "harness/plan", "harness/train", "harness/spec", "optim", "models", "tensor", "internal/...",
	},
	"": {"harness/cli"},
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		room := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "ranklab"), "/")
		rules, ok := rulesOf(room)
		if !ok {
			t.Errorf("package %q has no entry in the table: say what it may import", room)
			continue
		}
		for _, imp := range p.Imports {
			dep, own := strings.CutPrefix(imp, "ranklab/")
			if own && !slices.ContainsFunc(rules, func(pattern string) bool { return matches(pattern, dep) }) {
				t.Errorf("%s imports %s, which is not below it", room, dep)
			}
		}
	}
}

func rulesOf(room string) ([]string, bool) {
	if rules, ok := allowed[room]; ok {
		return rules, true
	}
	for dir := room; dir != "." && dir != ""; dir = path.Dir(dir) {
		if rules, ok := allowed[dir+"/..."]; ok {
			return rules, true
		}
	}
	return nil, false
}

func matches(pattern, dep string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dep == dir || strings.HasPrefix(dep, dir+"/")
	}
	return dep == pattern
}

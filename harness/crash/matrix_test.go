// Package crash kills the program, fills its disk and damages its files, and
// demands that the next start ends with the bits of a run that was left alone.
package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/golden"
	"ranklab/harness/spec"
)

// A factor is something that a run's state depends on, with its levels: lines
// of TOML.
type factor []level

type level struct{ name, toml string }

// The factors of the matrix. A level's lines go into a [method] table.
func factors() []factor {
	return []factor{
		{ // kind; %s is the base optimizer
			{"full", "kind = %q"},
			{"lowrank", "kind = \"lowrank\"\nrank = 4\noptimizer = %q"},
			{"lora", "kind = \"lora\"\nrank = 4\nlora_alpha = 8\nlora_dropout = 0.1\noptimizer = %q"},
			{"relora", "kind = \"relora\"\nrank = 4\nlora_alpha = 8\nmerge_every = 2\ncycle_length = 4\nreset = \"magnitude\"\nreset_ratio = 0.5\nfull_rank_steps = 4\noptimizer = %q"},
			{"galore", "kind = \"galore\"\nrank = 4\nupdate_proj_gap = 3\ndiagnostics.subspace = true\noptimizer = %q"},
			{"galore-svd", "kind = \"galore\"\nrank = 4\nupdate_proj_gap = 5\nprojector = \"svd\"\nproj_type = \"full\"\ndiagnostics.subspace = true\ndiagnostics.after = [2]\noptimizer = %q"},
		},
		{ // base optimizer
			{"adamw", ""},
			{"adafactor", "momentum = 0.9"},
			{"sgd", "momentum = 0.9"},
			{"adamw8bit", "block_size = 64\nmin_8bit_size = 100"},
		},
		{ // how weights are kept
			{"float32", ""},
			{"bfloat16", "train.dtype = \"bfloat16\""},
			{"stochastic", "train.dtype = \"bfloat16_stochastic\""},
		},
		{ // how state is kept
			{"float32", ""},
			{"bfloat16", "train.state_dtype = \"bfloat16\""},
			{"stochastic", "train.state_dtype = \"bfloat16_stochastic\""},
		},
		{ // how gradients are handed over
			{"accumulating", "train.batch_size = 2"},
			{"clipping", "train.grad_clipping = 0.5"},
			{"layerwise", "train.layerwise = true"},
			{"checkpointing", "train.activation_checkpointing = true"},
		},
	}
}

// pairwise returns rows of levels, one of each factor, such that each pair of
// levels of two factors is in one row at least. Rows are chosen greedily among
// drawn ones, with a fixed seed.
func pairwise(sizes []int) [][]int {
	type pair struct{ f, i, g, j int }
	open := map[pair]bool{}
	for f := range sizes {
		for g := range f {
			for i := range sizes[f] {
				for j := range sizes[g] {
					open[pair{f, i, g, j}] = true
				}
			}
		}
	}
	covers := func(row []int) (pairs []pair) {
		for f := range row {
			for g := range f {
				if p := (pair{f, row[f], g, row[g]}); open[p] {
					pairs = append(pairs, p)
				}
			}
		}
		return pairs
	}
	draw := rand.New(rand.NewPCG(1, 2))
	var rows [][]int
	for len(open) > 0 {
		var best []int
		for range 200 {
			row := make([]int, len(sizes))
			for f, n := range sizes {
				row[f] = draw.IntN(n)
			}
			if best == nil || len(covers(row)) > len(covers(best)) {
				best = row
			}
		}
		if covered := covers(best); len(covered) > 0 {
			rows = append(rows, best)
			for _, p := range covered {
				delete(open, p)
			}
		}
	}
	return rows
}

func TestPairwise(t *testing.T) {
	sizes := []int{6, 4, 3, 3, 4}
	rows := pairwise(sizes)
	for f := range sizes {
		for g := range f {
			for i := range sizes[f] {
				for j := range sizes[g] {
					if !slices.ContainsFunc(rows, func(r []int) bool { return r[f] == i && r[g] == j }) {
						t.Errorf("level %d of factor %d never meets level %d of factor %d", i, f, j, g)
					}
				}
			}
		}
	}
	if len(rows) > 40 {
		t.Errorf("%d rows where 24 could be enough", len(rows))
	}
}

// protocol is what the runs of the matrix share.
const protocol = `
name = "matrix"
[model]
hidden_size = 16
intermediate_size = 24
num_hidden_layers = 2
num_attention_heads = 2
vocab_size = 512
[data]
source = "text"
paths = [%q]
val_fraction = 0.2
[train]
steps = 16
total_batch_size = 4
max_length = 24
warmup_steps = 2
log_every = 1
checkpoint_every = 3
digest_every = 2
[eval]
every = 5
tokens = 400
`

// matrix writes the resolved runs of a pairwise matrix below dir, with their
// text, and returns their names and files.
func matrix(t *testing.T, dir string) (names, files []string) {
	t.Helper()
	all := factors()
	sizes := make([]int, len(all))
	for f := range all {
		sizes[f] = len(all[f])
	}
	var b strings.Builder
	text := filepath.Join(dir, "text")
	if err := golden.WriteText(text); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, protocol, text)
	for _, row := range pairwise(sizes) {
		var parts, lines []string
		optimizer := all[1][row[1]].name
		for f, i := range row {
			l := all[f][i]
			parts = append(parts, l.name)
			if f == 0 {
				l.toml = fmt.Sprintf(l.toml, optimizer)
			}
			lines = append(lines, l.toml)
		}
		name := strings.Join(parts, "-")
		names = append(names, name)
		fmt.Fprintf(&b, "[method.%s]\nlr = 0.01\n%s\n", name, strings.Join(lines, "\n"))
	}
	path := filepath.Join(dir, "matrix.toml")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	e, err := spec.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Runs) != len(names) {
		t.Fatalf("%d runs of %d methods", len(e.Runs), len(names))
	}
	for i, inst := range e.Runs {
		text, err := inst.Run.Encode()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, names[i]+".toml"))
		if err := os.WriteFile(files[i], text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return names, files
}

// Bundles writes the small replay bundles on which replay_torch.py compares
// ranklab with PyTorch: every kind of method on every base optimizer.
//
//	go run ./interop/bundles -o DIR
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ranklab/harness/bundle"
	"ranklab/harness/plan"
	"ranklab/harness/spec"
	"ranklab/internal/random"
)

//go:embed *.toml
var files embed.FS

// experiments are those whose runs are bundled.
var experiments = [...]string{"runs.toml", "padded.toml"}

// steps returns the number of updates of a bundle: three GaLore bases, or two
// merges. Where numbers are kept in bfloat16 they are fewer: a value at the border
// of two roundings goes one way or the other by chance, and many updates later
// nothing can be compared.
func steps(s spec.Run) int {
	if s.Train.Dtype != spec.Float32 {
		return 6
	}
	return 10
}

func main() {
	out := flag.String("o", ".bin/bundles", "folder to write: text, cache, and in runs one bundle each; an older bundle of that name is replaced")
	only := flag.String("only", "", "a part of the names of the bundles to write")
	flag.Parse()
	if err := run(context.Background(), *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bundles:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, only string) error {
	text := filepath.Join(out, "text")
	if err := writeText(text); err != nil {
		return err
	}
	for _, path := range experiments {
		e, err := load(path, text)
		if err != nil {
			return err
		}
		for _, i := range e.Runs {
			if name := e.NameOf(i); strings.Contains(name, only) {
				if err := write(ctx, i.Run, filepath.Join(out, "runs", name), filepath.Join(out, "cache")); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				fmt.Println(name)
			}
		}
	}
	return nil
}

// load resolves the runs of an experiment on a folder of text.
func load(path, text string) (*spec.Experiment, error) {
	return spec.LoadFS(files, path, []string{fmt.Sprintf("data.paths=[%q]", text)})
}

func write(ctx context.Context, s spec.Run, dir, cache string) error {
	set, err := plan.Corpus(ctx, s, cache, nil)
	if err != nil {
		return err
	}
	defer set.Close()
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	_, err = bundle.Write(ctx, bundle.Options{Spec: s, Data: set, Dir: dir, Steps: steps(s), Gradients: true})
	return err
}

// writeText writes documents of 3 to 150 words, drawn from a small vocabulary.
func writeText(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	words := strings.Fields("the rank of a matrix is what remains when noise has gone and so we project a gradient onto few basis vectors func return var range if")
	key := random.New(5).Stream("text")
	at := uint64(0)
	for n := range 80 {
		var b strings.Builder
		for range 3 + 147*(n%4)/3 {
			fmt.Fprintf(&b, "%s ", words[key.Below(at, len(words))])
			at++
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.txt", n)), []byte(b.String()), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Kernels writes the vector kernels of package tensor: assembly for AVX-512 and
// AVX2 from one source per operation, their declarations, and the methods that
// choose between them and the Go functions of the same names.
//
//	go run ./kernels -out ../tensor          (in folder tools)
//	go run ./kernels -out ../tensor -check   fails if a file is not current
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("kernels: ")
	flags := flag.NewFlagSet("kernels", flag.ExitOnError) // avo has taken the names of the default set
	out := flags.String("out", "../tensor", "`folder` of the package")
	check := flags.Bool("check", false, "compare the files instead of writing them")
	if err := flags.Parse(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	if err := run(*out, *check); err != nil {
		log.Fatal(err)
	}
}

func run(out string, check bool) error {
	kernels := slices.Concat(elementwise(), sums(), exponentials(), model(), dropout(), optimizers())
	assembly, err := assemble(kernels)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"vec_amd64.s":  assembly,
		"vec_amd64.go": goSource(kernels, true),
		"vec_other.go": goSource(kernels, false),
	} {
		path := filepath.Join(out, name)
		if !check {
			if err := os.WriteFile(path, text, 0o666); err != nil {
				return err
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, text) {
			return fmt.Errorf("%s is not what the generator writes: run make generate", path)
		}
	}
	return nil
}

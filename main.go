// Command ranklab trains LLaMA-style models with full-rank and low-rank
// methods and compares them by perplexity and by every byte of memory.
package main

import (
	"os"

	"ranklab/harness/cli"
)

// revision is the git commit, set by the linker (see the Makefile).
var revision string

func main() {
	os.Exit(cli.Main(os.Stdout, os.Stderr, os.Args[1:], revision))
}

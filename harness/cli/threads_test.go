package cli

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"ranklab/harness/train"
)

// TestThreadsAreBounded: a slip of the finger is a usage error, not a panic or
// all of the memory.
func TestThreadsAreBounded(t *testing.T) {
	for _, args := range [][]string{
		{"train", "../../results/reference/quick/runs/9aedef5df775/spec.toml", "--threads=-5"},
		{"train", "../../results/reference/quick/runs/9aedef5df775/spec.toml", "--threads", "1000000000"},
		{"plan", "quick", "--threads", "1000000000", "--no-calibration"},
		{"memory", "--threads", "1000000000"},
		{"bench", "--threads", "1000000000"},
	} {
		var out bytes.Buffer
		err := Run(context.Background(), context.Background(), &out, &out, append(args, "--results", t.TempDir(), "--cache", t.TempDir()), "")
		var exit exitError
		if !errors.As(err, &exit) || exit.code != train.ExitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

package cli

import (
	"fmt"

	"ranklab/harness/train"
)

// maxThreads is more than any machine has processors. Each thread takes memory of
// its own.
const maxThreads = 4096

// checkThreads refuses a number of threads that no device can be made with.
func checkThreads(n int) error {
	if n < 0 || n > maxThreads {
		return exitError{train.ExitUsage, fmt.Sprintf("--threads %d: it must be at most %d, and 0 means all processors", n, maxThreads)}
	}
	return nil
}

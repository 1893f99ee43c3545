// Package boundedtest measures what code under test takes of the heap.
package boundedtest

import (
	"runtime/metrics"
	"testing"
)

// slack is what the program beside the code under test may allocate meanwhile,
// and by how much the runtime's count, which it keeps by spans, may be late.
const slack = 4 << 20

// AtMost runs f and fails the test if the program allocated more than limit
// bytes meanwhile, freed or not, beyond a few MiB of slack.
func AtMost(t testing.TB, limit int64, f func()) {
	t.Helper()
	before := allocated()
	f()
	if n := int64(allocated() - before); n > limit+slack {
		t.Fatalf("%d bytes were allocated, at most %d were expected", n, limit)
	}
}

// allocated returns the bytes allocated since the program's start.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

//go:build unix

package crash

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignals: a signal stops a run with a checkpoint and the exit code that
// schedulers know; a second one does not wait for the checkpoint. Either way the
// next start carries on.
func TestSignals(t *testing.T) {
	b := newBed(t, oneOf("galore-svd", "full"))
	for _, c := range []struct {
		first, second syscall.Signal
		code          int
	}{
		{syscall.SIGINT, 0, 130},
		{syscall.SIGTERM, 0, 75},
		{syscall.SIGHUP, 0, 75},
		{syscall.SIGINT, syscall.SIGINT, 130},
		{syscall.SIGTERM, syscall.SIGTERM, 130},
	} {
		name := b.names[int(c.first)%len(b.names)]
		var results string
		var out bytes.Buffer
		code := 0
		for trial := 0; code == 0; trial++ { // until a run is not faster than the signal
			if trial == 20 {
				t.Fatalf("%v: 20 runs ended before it reached them", c.first)
			}
			results = filepath.Join(t.TempDir(), "results")
			cmd := b.command(t, name, results)
			out.Reset()
			cmd.Stderr = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitRow(t, results)
			for _, s := range []syscall.Signal{c.first, c.second} {
				if s != 0 {
					_ = cmd.Process.Signal(s) // it may have ended
				}
			}
			code = exitCode(cmd.Wait())
		}
		if code != c.code && !(c.second != 0 && code == map[bool]int{true: 130, false: 75}[c.first == syscall.SIGINT]) {
			t.Errorf("%v, %v: exit code %d, want %d\n%s", c.first, c.second, code, c.code, out.Bytes())
		}
		if c.second == 0 {
			if newestGood(t, results) == 0 {
				t.Errorf("%v left no checkpoint", c.first)
			}
			if !strings.Contains(out.String(), "the same command carries on") {
				t.Errorf("%v: %s", c.first, out.Bytes())
			}
		}
		if out, err := b.command(t, name, results).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		read(t, results).mustEqual(t, b.alone[name])
	}
}

// waitRow waits until the only run below results has written a row.
func waitRow(t *testing.T, results string) {
	t.Helper()
	for range 2000 {
		files, err := filepath.Glob(filepath.Join(results, "runs", "*", "metrics.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			if info, err := os.Stat(files[0]); err == nil && info.Size() > 0 {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("no row was written")
}

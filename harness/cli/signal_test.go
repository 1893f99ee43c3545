//go:build unix

package cli

import (
	"os"
	"syscall"
	"testing"
	"time"

	"ranklab/harness/train"
)

// TestSignals: signals that come with the first one are the same request; a later
// one is another.
func TestSignals(t *testing.T) {
	ctx, kill, stop := signals()
	defer stop()
	send := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	send(syscall.SIGTERM)
	<-ctx.Done()
	send(syscall.SIGTERM)
	send(syscall.SIGTERM)
	select {
	case <-kill.Done():
		t.Fatal("signals that follow at once count as a second request")
	case <-time.After(settle + settle/10):
	}
	send(syscall.SIGTERM)
	select {
	case <-kill.Done():
	case <-time.After(time.Minute):
		t.Fatal("a later signal is no second request")
	}
	for _, c := range []int{stopCode(ctx), stopCode(kill)} {
		if c != train.ExitRequeue {
			t.Errorf("exit code %d, not that of the first signal", c)
		}
	}
}

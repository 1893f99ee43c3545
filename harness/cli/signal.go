package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"ranklab/harness/train"
)

const (
	// settle is how long after the first signal others count as the same request.
	// One stop often sends several: a service manager signals every process of a
	// group, of which a sweep signals its runs again; the end of a session sends
	// SIGTERM and SIGHUP; timeout(1) signals its child and then its group.
	settle = 2 * time.Second

	// grace is how long a command may clean up after the second signal.
	grace = 5 * time.Second
)

// signals returns a context that ends at the first signal and one that ends at
// the second, if that comes later than settle. Their causes hold the exit code of
// the first. SIGHUP and SIGINT that the process was started to ignore stay ignored:
// nohup does so, and a shell for what a script starts in the background.
func signals() (ctx, kill context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	kill, cancelKill := context.WithCancelCause(context.Background())
	c := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	done := make(chan struct{})
	go func() {
		var first os.Signal
		select {
		case first = <-c:
		case <-done:
			return
		}
		began := time.Now()
		exit := exitError{code: train.ExitRequeue}
		if first == os.Interrupt {
			exit.code = train.ExitInterrupted
		}
		cancel(exit)
		for again := time.Duration(0); again < settle; again = time.Since(began) {
			select {
			case <-c:
			case <-done:
				return
			}
		}
		cancelKill(exit)
		select {
		case <-time.After(grace):
			os.Exit(exit.code)
		case <-done:
		}
	}()
	return ctx, kill, func() {
		signal.Stop(c)
		close(done)
		cancel(nil)
		cancelKill(nil)
	}
}

// stopCode returns the exit code of a command that a context of [signals] stopped.
func stopCode(ctx context.Context) int {
	var e exitError
	if errors.As(context.Cause(ctx), &e) {
		return e.code
	}
	return train.ExitRequeue
}

// exitOnKill ends the process at the second signal, for commands that have
// nothing to clean up: checkpoints and records stand as they are.
func (v *env) exitOnKill() (stop func() bool) {
	return context.AfterFunc(v.kill, func() { os.Exit(stopCode(v.kill)) })
}

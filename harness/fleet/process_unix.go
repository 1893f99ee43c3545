//go:build unix

package fleet

import (
	"os"
	"os/exec"
	"syscall"
)

// detach puts a child in its own process group, so that a Ctrl-C in the
// terminal reaches it only through its parent, once.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interrupt asks a child to write a checkpoint and to stop. SIGINT would not
// reach the children of a sweep that a script has started in the background.
func interrupt(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// killed reports whether a signal that no process can catch ended a child.
func killed(err *exec.ExitError) bool {
	status, ok := err.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

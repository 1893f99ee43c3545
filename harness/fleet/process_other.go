//go:build !unix

package fleet

import (
	"os"
	"os/exec"
)

func detach(*exec.Cmd) {}

func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }

func killed(*exec.ExitError) bool { return false }

//go:build (linux || darwin) && (amd64 || arm64) && !static

package blas

import (
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/ebitengine/purego"
)

// shared is an open shared library.
type shared struct {
	name   string
	handle uintptr
}

// load opens the first of the names that the system's loader finds.
func load(names ...string) (shared, error) {
	for _, name := range names {
		if handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL); err == nil {
			return shared{name, handle}, nil
		}
	}
	return shared{}, fmt.Errorf("this machine has no %s", names[0])
}

// bind sets function variables to symbols of the library or of what it needs.
func (s shared) bind(symbols map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(symbols)) {
		address, err := purego.Dlsym(s.handle, name)
		if err != nil {
			return fmt.Errorf("%s has no function %s", s.name, name)
		}
		purego.RegisterFunc(symbols[name], address)
	}
	return nil
}

// A thread runs functions one after the other on one thread of the system. A
// library that keeps settings or helpers per thread finds its own again.
type thread struct{ calls chan func() }

func newThread() *thread {
	t := &thread{make(chan func())}
	go func() {
		runtime.LockOSThread()
		for f := range t.calls {
			f()
		}
	}()
	return t
}

func (t *thread) do(f func()) {
	done := make(chan struct{})
	t.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

package memory

import (
	"runtime"
	"syscall"
	"unsafe"
)

const largePage = 2 << 20

// adviseLarge asks for large pages wherever the length bytes from p on lie, the
// first and last one included: those may hold other objects of the Go heap too,
// which grows by pieces of 4 MiB, aligned. It must come before the bytes are
// first written.
func adviseLarge(p unsafe.Pointer, length uintptr) {
	start := uintptr(p) / largePage * largePage
	size := (uintptr(p) + length - start + largePage - 1) / largePage * largePage
	// The address goes as a number: where no object begins, a pointer may not
	// point. An error means small pages, as before.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, size, syscall.MADV_HUGEPAGE)
	runtime.KeepAlive(p)
}

package memory

import (
	"syscall"
	"unsafe"
)

const largePage = 2 << 20

// adviseLarge asks for large pages wherever the length bytes from p on lie, the
// first and last one included: those may hold other objects of the Go heap too, which grows by
// pieces of 4 MiB, aligned. It must come before they are first written.
func adviseLarge(p unsafe.Pointer, length uintptr) {
	before := uintptr(p) % largePage
	size := (before + length + largePage - 1) / largePage * largePage
	// An error means small pages, as before.
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, -int(before))), size), syscall.MADV_HUGEPAGE)
}

package memory

import (
	"syscall"
	"unsafe"
)

const largePage = 2 << 20

// adviseLarge asks for large pages wherever s lies, its first and last one
// included: those may hold other objects of the Go heap too, which grows by
// pieces of 4 MiB, aligned. It must come before s is first written.
func adviseLarge(s []float32) {
	p := unsafe.Pointer(unsafe.SliceData(s))
	before := uintptr(p) % largePage
	size := (before + uintptr(4*len(s)) + largePage - 1) / largePage * largePage
	// An error means small pages, as before.
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, -int(before))), size), syscall.MADV_HUGEPAGE)
}

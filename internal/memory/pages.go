package memory

import "unsafe"

// largeFrom is the size, in bytes, from which large pages are asked for.
const largeFrom = 1 << 20

// Floats returns n zeroed values that belong to no ledger: for buffers whose
// owner registers them itself. From 1 MiB on it asks the system for large pages,
// which spare matrix products the misses of the address cache. A system that
// has none to give loses nothing.
func Floats(n int) []float32 { return slab[float32](n) }

// slab returns n zeroed values, on large pages if they are many.
func slab[T any](n int) []T {
	s := make([]T, n)
	if size := uintptr(n) * unsafe.Sizeof(*new(T)); size >= largeFrom {
		adviseLarge(unsafe.Pointer(unsafe.SliceData(s)), size)
	}
	return s
}

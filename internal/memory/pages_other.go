//go:build !linux

package memory

import "unsafe"

func adviseLarge(unsafe.Pointer, uintptr) {}

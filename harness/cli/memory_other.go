//go:build !linux

package cli

// availableMemory returns the bytes that runs may use; 0 means unknown.
func availableMemory() int64 { return 0 }

//go:build !linux

package machine

// ReadMemory knows nothing on this system.
func ReadMemory() Memory { return Memory{} }

// ReadProcessors knows nothing on this system.
func ReadProcessors() Processors { return Processors{} }

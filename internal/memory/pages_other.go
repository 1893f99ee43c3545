//go:build !linux

package memory

func adviseLarge([]float32) {}

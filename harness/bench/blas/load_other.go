//go:build !((linux || darwin) && (amd64 || arm64))

package blas

import "errors"

var errNoLoader = errors.New("shared libraries are not loaded on this platform")

func openBLAS(int) (*Library, error) { return nil, errNoLoader }
func oneDNN(int) (*Library, error)   { return nil, errNoLoader }

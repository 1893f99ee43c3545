//go:build !((linux || darwin) && (amd64 || arm64) && !static)

package blas

import "errors"

var errNoLoader = errors.New("this build loads no shared libraries")

func openBLAS(int) (*Library, error) { return nil, errNoLoader }
func oneDNN(int) (*Library, error)   { return nil, errNoLoader }

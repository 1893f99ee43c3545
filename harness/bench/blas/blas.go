// Package blas calls the float32 matrix products of other libraries, to compare
// ours with: gonum, which is compiled in, and OpenBLAS and oneDNN where the
// machine has them as shared libraries. None of them is ever needed.
package blas

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/tensor"
)

// A Library is a matrix product to compare with.
type Library struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Core    string `json:"core,omitempty"` // the kernels it has chosen, if it tells
	Threads int    `json:"threads"`        // it computes with

	gemm func(ta, tb tensor.Transpose, alpha float32, a, b tensor.Matrix, beta float32, c tensor.Matrix)
	run  func(f func()) // where gemm must be called
}

// String names the library with its version, kernels and threads.
func (l *Library) String() string {
	s := l.Name + " " + l.Version
	if l.Core != "" {
		s += " " + l.Core
	}
	return fmt.Sprintf("%s, threads %d", s, l.Threads)
}

// Run calls f, which may use Gemm, where the library's settings hold.
func (l *Library) Run(f func()) {
	if l.run == nil {
		f()
		return
	}
	l.run(f)
}

// Gemm computes C ← alpha·op(A)·op(B) + beta·C like [tensor.Device.Gemm],
// rounded in the library's own way. It is called inside of Run.
func (l *Library) Gemm(ta, tb tensor.Transpose, alpha float32, a, b tensor.Matrix, beta float32, c tensor.Matrix) {
	l.gemm(ta, tb, alpha, a, b, beta, c)
}

// openers lists the libraries in the order in which tables show them.
var openers = []struct {
	name string
	open func(threads int) (*Library, error)
}{
	{"gonum", gonum},
	{"openblas", openBLAS},
	{"onednn", oneDNN},
}

// Names lists the names that Open knows.
func Names() []string {
	var names []string
	for _, o := range openers {
		names = append(names, o.name)
	}
	return names
}

// Open finds a library and sets its number of threads. It is an error if this
// machine does not have it, or if it would run with another number of threads.
func Open(name string, threads int) (*Library, error) {
	for _, o := range openers {
		if o.name != name {
			continue
		}
		l, err := o.open(threads)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if l.Threads != threads {
			return nil, fmt.Errorf("%s runs with %d threads, not with %d", name, l.Threads, threads)
		}
		return l, nil
	}
	return nil, fmt.Errorf("unknown library %q; choose from %s", name, strings.Join(Names(), ", "))
}

// dims returns the extents of a product, checked like the arguments of
// [tensor.Device.Gemm].
func dims(ta, tb tensor.Transpose, a, b, c tensor.Matrix) (m, n, k int) {
	m, k = a.Rows, a.Cols
	if ta {
		m, k = k, m
	}
	kb, n := b.Rows, b.Cols
	if tb {
		kb, n = n, kb
	}
	if kb != k || c.Rows != m || c.Cols != n || slices.Min([]int{m, n, k}) == 0 {
		panic("blas: shapes do not fit")
	}
	return m, n, k
}

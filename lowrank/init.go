package lowrank

import (
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/tensor"
)

func normal(std float64) func(*tensor.Device, tensor.Matrix, random.Key) {
	return func(d *tensor.Device, w tensor.Matrix, key random.Key) { d.FillNormal(w, std, key) }
}

// A spectral draws a dense weight, factorizes it, and hands out both factors.
// The two initialisers may run in any order; the first one does the work and
// keeps the other's factor until it is fetched. Its memory is that of a start,
// gone before training, and is not in the ledger.
type spectral struct {
	weight *models.Param // the dense weight that the factors replace: shape and Init
	key    random.Key    // of the dense weight
	rank   int
	a, b   tensor.Matrix
}

func (s *spectral) initA(d *tensor.Device, w tensor.Matrix, _ random.Key) {
	s.factorize(d)
	d.Copy(w, s.a)
	s.a = tensor.Matrix{}
}

func (s *spectral) initB(d *tensor.Device, w tensor.Matrix, _ random.Key) {
	s.factorize(d)
	d.Copy(w, s.b)
	s.b = tensor.Matrix{}
}

func (s *spectral) factorize(d *tensor.Device) {
	if s.a.Rows > 0 || s.b.Rows > 0 {
		return
	}
	out, in := s.weight.W.Rows, s.weight.W.Cols
	zeros := func(rows, cols int) tensor.Matrix { return tensor.Of(make([]float32, rows*cols), rows, cols) }
	w := zeros(out, in)
	s.weight.Init(d, w, s.key)
	s.a, s.b = zeros(s.rank, in), zeros(out, s.rank)
	workspace := tensor.NewSVD(memory.New(), "spectral", min(out, in), max(out, in), s.rank)
	// A zero weight (initializer_range 0) has no singular vectors; its factors stay zero.
	d.Factorize(workspace, w, s.b, s.a)
}

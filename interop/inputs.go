package interop

import (
	"maps"
	"slices"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/internal/safetensors"
	"ranklab/models"
	"ranklab/tensor"
)

// Inputs returns everything that Go draws and Python reads:
//
//	llama/weights/NAME, llama/factors/NAME   of the model of the gradient tests
//	trajectory/weights/NAME                  initial weights of all cases
//	llama/tokens, llama/targets              (B, T), I32; target -1: none
//	trajectory/tokens, trajectory/targets    (updates, B, T)
//
// and what [Session.Drawn] lists for each case.
func (s *Suite) Inputs(device *tensor.Device) ([]safetensors.Tensor, error) {
	adapted := s.GradientModel("adapter", device)
	dense := models.New(s.Trajectory)
	s.allocate(dense, device)
	var all []safetensors.Tensor
	for _, p := range adapted.Params() {
		group := "llama/weights/"
		if p.Adapter {
			group = "llama/factors/"
		}
		all = append(all, safetensors.Of(group+p.Name, p.W.Data, Shape(p)...))
	}
	for _, p := range dense.Params() {
		all = append(all, safetensors.Of("trajectory/weights/"+p.Name, p.W.Data, Shape(p)...))
	}
	updates := 0
	for _, c := range s.Cases {
		updates = max(updates, c.Updates)
		t, err := s.Start(c, device)
		if err != nil {
			return nil, err
		}
		for u := range c.Updates {
			if _, err := t.Update(u); err != nil {
				return nil, err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(t.Drawn)) {
			m := t.Drawn[name]
			all = append(all, safetensors.Of(name, m.Data, m.Rows, m.Cols))
		}
	}
	n, length := s.Batch.Sequences, s.Batch.Tokens
	first := s.Data(0)
	var tokens, targets []int32
	for u := range updates {
		b := s.Data(u)
		tokens, targets = append(tokens, b.Tokens...), append(targets, b.Targets...)
	}
	return append(all,
		safetensors.OfInts("llama/tokens", first.Tokens, n, length), safetensors.OfInts("llama/targets", first.Targets, n, length),
		safetensors.OfInts("trajectory/tokens", tokens, updates, n, length), safetensors.OfInts("trajectory/targets", targets, updates, n, length),
	), nil
}

// GradientModel returns the model of the gradient tests in one of its three
// parametrizations: "dense", "adapter" or "factored". Factors are normal with
// standard deviation 1/4, so that no gradient vanishes.
func (s *Suite) GradientModel(variant string, device *tensor.Device) *models.Llama {
	const rank, std = 3, 0.25
	m := models.New(s.Llama)
	for _, l := range m.Linears() {
		switch variant {
		case "adapter":
			m.Adapt(l, rank, s.FactorScale, 0)
		case "factored":
			m.Factor(l, rank, s.FactorScale)
		default:
			continue
		}
		for _, p := range []*models.Param{l.A, l.B} {
			p.Init = func(d *tensor.Device, w tensor.Matrix, key random.Key) { d.FillNormal(w, std, key) }
		}
	}
	s.allocate(m, device)
	return m
}

func (s *Suite) allocate(m *models.Llama, device *tensor.Device) {
	m.Allocate(models.Runtime{Device: device, Ledger: memory.New(), Key: s.Key()}, s.Batch.Sequences, s.Batch.Tokens, true)
}

// Shape returns the shape that PyTorch gives a parameter: gains are vectors.
func Shape(p *models.Param) []int {
	if p.Role == models.Norm {
		return []int{p.W.Cols}
	}
	return []int{p.W.Rows, p.W.Cols}
}

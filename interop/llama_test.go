package interop

import (
	"strings"
	"testing"

	"ranklab/models"
	"ranklab/tensor"
)

// TestLlama compares logits, loss and all gradients of a two-layer model with
// PyTorch in float64, in each parametrization. The relative error of every
// tensor may be 4 times that of PyTorch's own float32 run, or 2e-6 where
// PyTorch was luckier than usual.
func TestLlama(t *testing.T) {
	const floor = 2e-6
	s, device := suite(t)
	f := golden(t, "llama")
	for _, variant := range []string{"dense", "adapter", "factored"} {
		t.Run(variant, func(t *testing.T) {
			m := s.GradientModel(variant, device)
			b := s.Data(0)
			targets := 0
			for _, v := range b.Targets {
				if v >= 0 {
					targets++
				}
			}
			checked := map[string]bool{}
			compare := func(name string, got []float32) {
				t.Helper()
				checked[name] = true
				d, norm := distance(t, got, float64s(t, f, variant+"/"+name))
				theirs := float64s(t, f, variant+"/f32_error/"+name)[0]
				t.Logf("%-60s ours %.1e  PyTorch %.1e", name, d/norm, theirs)
				if limit := max(4*theirs, floor); !(d/norm <= limit) {
					t.Errorf("%s: relative error %.2e, limit %.2e (PyTorch float32: %.2e)", name, d/norm, limit, theirs)
				}
			}
			compare("logits", tensor.Values(m.Logits(b)))
			m.Forward(b, true)
			sum, n := m.Backward(b, 1/float32(targets), func(p *models.Param, g tensor.Matrix) {
				if p.Frozen {
					t.Errorf("%s is frozen and got a gradient", p.Name)
				}
				compare("grad/"+p.Name, tensor.Values(g))
			})
			compare("loss", []float32{float32(sum / float64(n))})
			for _, name := range f.Names() {
				if name, ok := strings.CutPrefix(name, variant+"/"); ok && !strings.HasPrefix(name, "f32_error/") && !checked[name] {
					t.Errorf("%s was not computed", name)
				}
			}
		})
	}
}

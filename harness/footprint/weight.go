package footprint

import "ranklab/models"

// A tensor is a shape.
type tensor struct{ rows, cols int64 }

func (t tensor) elements() int64 { return t.rows * t.cols }

// A weight stands for several equal ones of a model, each (out, in).
type weight struct {
	count   int64
	out, in int64
	target  bool // a linear of attention or MLP, which low-rank methods act on
}

// weights lists the weights of a model. With width d, MLP width f, L layers and
// vocabulary V: 4L of (d, d) (q, k, v, o), 2L of (f, d) (gate, up), L of (d, f)
// (down), and outside the targets 2 of (V, d) (embedding, head) and 2L + 1
// norm gains of d.
func weights(c models.Config) []weight {
	d, f, layers := int64(c.HiddenSize), int64(c.IntermediateSize), int64(c.NumHiddenLayers)
	return []weight{
		{4 * layers, d, d, true},
		{2 * layers, f, d, true},
		{layers, d, f, true},
		{2, int64(c.VocabSize), d, false},
		{2*layers + 1, 1, d, false},
	}
}

// rank returns the effective rank of a weight.
func (m Method) rank(w weight) int64 { return min(int64(m.Rank), w.out, w.in) }

// factored reports whether factors A (r, in) and B (out, r) are trained in the
// place of a weight.
func (m Method) factored(w weight) bool {
	return w.target && (m.Kind == "lowrank" || m.Kind == "lora" || m.Kind == "relora")
}

// trained lists the tensors that are updated for a weight.
func (m Method) trained(w weight) []tensor {
	if r := m.rank(w); m.factored(w) {
		return []tensor{{r, w.in}, {w.out, r}}
	}
	return []tensor{{w.out, w.in}}
}

// weight returns the memory of one weight: the formulas of 2403.03507, Table 1,
// see [Formulas].
func (m Method) weight(w weight, by counting) Parts {
	p := Parts{Weights: by.width * w.out * w.in}
	for _, t := range m.trained(w) {
		p.Gradients += by.width * t.elements()
		p.State += by.state(t.rows, t.cols)
	}
	switch {
	case m.factored(w) && m.Kind == "lowrank":
		p.Weights = p.Gradients
	case m.factored(w):
		p.Adapters = p.Gradients
	case w.target && m.Kind == "galore":
		r := m.rank(w)
		rows, cols := w.out, w.in
		left, right := m.sides(w)
		if left {
			p.Projectors += by.basis(w.out * r)
			rows = r
		}
		if right {
			p.Projectors += by.basis(r * w.in)
			cols = r
		}
		p.State = by.state(rows, cols)
	}
	return p
}

// sides says which bases GaLore keeps for a weight: left (out, r), right (r, in).
func (m Method) sides(w weight) (left, right bool) {
	tall := w.out >= w.in // a square counts as tall
	switch m.ProjType {
	case "reverse_std":
		return tall, !tall
	case "left":
		return true, false
	case "right":
		return false, true
	case "full":
		return true, true
	}
	return !tall, tall
}

package models

import (
	"fmt"

	"ranklab/internal/random"
	"ranklab/tensor"
)

// A Layer is one transformer block:
//
//	h ← h + O·attention(Q·n, K·n, V·n)    n = InputNorm(h)
//	h ← h + Down·(silu(Gate·n) ⊙ Up·n)    n = PostNorm(h)
type Layer struct {
	InputNorm  *Param
	Q, K, V, O *Linear
	PostNorm   *Param
	Gate, Up   *Linear
	Down       *Linear
}

// linears returns the seven linear modules in forward order.
func (l *Layer) linears() [7]*Linear {
	return [7]*Linear{l.Q, l.K, l.V, l.O, l.Gate, l.Up, l.Down}
}

// moduleNames are those of [Layer.linears] within their block.
var moduleNames = [7]string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}

// A Llama is the model as a list of parameters: token embedding, blocks, a
// final norm and an untied head (2302.13971).
//
// Life of a model: [New], then [Llama.Adapt] and [Llama.Factor] by a method,
// then [Llama.Allocate] once, then any number of [Llama.Forward] and
// [Llama.Backward].
type Llama struct {
	Config
	Embed  *Param // (vocab_size, hidden_size)
	Layers []*Layer
	Norm   *Param
	Head   *Linear

	params  []*Param
	linears []*Linear

	rt     Runtime
	work   *buffers            // nil before Allocate
	opened [numParts][]float32 // see open.go
}

// New returns the structure of a model: names, shapes and initialisers, no
// memory. Linear and embedding weights are drawn from N(0,
// initializer_range²), all rows of the embedding included; gains are 1.
func New(c Config) *Llama {
	normal := func(d *tensor.Device, w tensor.Matrix, key random.Key) { d.FillNormal(w, c.InitializerRange, key) }
	ones := func(d *tensor.Device, w tensor.Matrix, _ random.Key) { d.Fill(w, 1) }
	param := func(name string, role Role, rows, cols int, init func(*tensor.Device, tensor.Matrix, random.Key)) *Param {
		return &Param{Name: name, Role: role, W: tensor.Of(nil, rows, cols), Init: init}
	}
	linear := func(name string, role Role, out, in int) *Linear {
		return &Linear{Name: name, Role: role, In: in, Out: out, Weight: param(name+".weight", role, out, in, normal)}
	}
	d, f := c.HiddenSize, c.IntermediateSize
	m := &Llama{
		Config: c,
		Embed:  param("model.embed_tokens.weight", Embedding, c.VocabSize, d, normal),
		Norm:   param("model.norm.weight", Norm, 1, d, ones),
		Head:   linear("lm_head", Head, c.VocabSize, d),
	}
	for i := range c.NumHiddenLayers {
		p := fmt.Sprintf("model.layers.%d.", i)
		l := &Layer{
			InputNorm: param(p+"input_layernorm.weight", Norm, 1, d, ones),
			Q:         linear(p+"self_attn.q_proj", Attention, d, d),
			K:         linear(p+"self_attn.k_proj", Attention, d, d),
			V:         linear(p+"self_attn.v_proj", Attention, d, d),
			O:         linear(p+"self_attn.o_proj", Attention, d, d),
			PostNorm:  param(p+"post_attention_layernorm.weight", Norm, 1, d, ones),
			Gate:      linear(p+"mlp.gate_proj", MLP, f, d),
			Up:        linear(p+"mlp.up_proj", MLP, f, d),
			Down:      linear(p+"mlp.down_proj", MLP, d, f),
		}
		m.Layers = append(m.Layers, l)
		ls := l.linears()
		m.linears = append(m.linears, ls[:]...)
	}
	m.number()
	return m
}

// number rebuilds the list of parameters and their ids.
func (m *Llama) number() {
	m.params = nil
	add := func(ps ...*Param) {
		for _, p := range ps {
			if p != nil {
				p.ID = len(m.params)
				m.params = append(m.params, p)
			}
		}
	}
	m.walk(func(p *Param) { add(p) }, func(l *Linear) { add(l.Weight, l.A, l.B) })
}

// walk visits the parameters outside linear modules, and these modules with
// the head, in forward order.
func (m *Llama) walk(param func(*Param), linear func(*Linear)) {
	param(m.Embed)
	for _, l := range m.Layers {
		param(l.InputNorm)
		for _, x := range [...]*Linear{l.Q, l.K, l.V, l.O} {
			linear(x)
		}
		param(l.PostNorm)
		for _, x := range [...]*Linear{l.Gate, l.Up, l.Down} {
			linear(x)
		}
	}
	param(m.Norm)
	linear(m.Head)
}

// Params returns the parameters in forward order, a linear module's A and B
// right after its weight; the position of a parameter is its ID. The caller
// does not change the slice.
func (m *Llama) Params() []*Param { return m.params }

// Linears returns the linear modules of the layers in forward order, seven per
// layer; the head is not among them. The caller does not change the slice.
func (m *Llama) Linears() []*Linear { return m.linears }

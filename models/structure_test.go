package models

import (
	"math"
	"slices"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

func names(m *Llama) []string {
	var s []string
	for i, p := range m.Params() {
		if p.ID != i {
			panic("ids are not positions")
		}
		s = append(s, p.Name)
	}
	return s
}

func TestNames(t *testing.T) {
	c := tiny
	c.NumHiddenLayers = 1
	m := New(c)
	want := []string{
		"model.embed_tokens.weight",
		"model.layers.0.input_layernorm.weight",
		"model.layers.0.self_attn.q_proj.weight",
		"model.layers.0.self_attn.k_proj.weight",
		"model.layers.0.self_attn.v_proj.weight",
		"model.layers.0.self_attn.o_proj.weight",
		"model.layers.0.post_attention_layernorm.weight",
		"model.layers.0.mlp.gate_proj.weight",
		"model.layers.0.mlp.up_proj.weight",
		"model.layers.0.mlp.down_proj.weight",
		"model.norm.weight",
		"lm_head.weight",
	}
	if got := names(m); !slices.Equal(got, want) {
		t.Errorf("names %q", got)
	}
	m.Adapt(m.Layers[0].Q, 2, 1, 0.1)
	m.Factor(m.Layers[0].Down, 3, 1)
	want = slices.Insert(want, 3, "model.layers.0.self_attn.q_proj.lora_A.weight", "model.layers.0.self_attn.q_proj.lora_B.weight")
	want = slices.Replace(want, 11, 12, "model.layers.0.mlp.down_proj.lora_A.weight", "model.layers.0.mlp.down_proj.lora_B.weight")
	if got := names(m); !slices.Equal(got, want) {
		t.Errorf("names with factors %q", got)
	}
	q, down := m.Layers[0].Q, m.Layers[0].Down
	if !q.Weight.Frozen || !q.A.Adapter || !q.B.Adapter || q.A.Frozen || q.B.Frozen || q.Dropout != 0.1 || q.A.Role != Attention {
		t.Errorf("adapted: %+v", q)
	}
	if down.Weight != nil || down.A.Adapter || down.B.Adapter || down.A.Role != MLP {
		t.Errorf("factored: %+v", down)
	}
	if a, b := down.A.W, down.B.W; a.Rows != 3 || a.Cols != c.IntermediateSize || b.Rows != c.HiddenSize || b.Cols != 3 {
		t.Errorf("factors %d × %d and %d × %d", b.Rows, b.Cols, a.Rows, a.Cols)
	}
	if got := m.Linears(); len(got) != 7 || got[0] != q || got[6] != down {
		t.Error("linears are not the seven of the layer")
	}
	for name, f := range map[string]func(){
		"twice":   func() { m.Adapt(q, 1, 1, 0) },
		"head":    func() { m.Factor(m.Head, 1, 1) },
		"rank":    func() { m.Factor(m.Layers[0].K, c.HiddenSize+1, 1) },
		"dropout": func() { m.Adapt(m.Layers[0].K, 1, 1, 1) },
		"no Init": func() {
			m.Allocate(Runtime{Device: tensor.NewDevice(tensor.Options{Threads: 1}), Ledger: memory.Predict()}, 1, 1, true)
		},
	} {
		mustPanic(t, name, f)
	}
}

func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", name)
		}
	}()
	f()
}

// Values depend on the seed and the name: not on what else the model holds.
func TestInit(t *testing.T) {
	c := tiny
	c.VocabSize = 2000
	build := func(seed uint64, adapt bool) *Llama {
		m := New(c)
		if adapt {
			m.Adapt(m.Layers[0].Q, 2, 1, 0)
			zero := func(*tensor.Device, tensor.Matrix, random.Key) {}
			m.Layers[0].Q.A.Init, m.Layers[0].Q.B.Init = zero, zero
		}
		d := tensor.NewDevice(tensor.Options{Threads: 2})
		t.Cleanup(d.Close)
		m.Allocate(Runtime{Device: d, Ledger: memory.New(), Key: random.New(seed)}, 1, 2, true)
		return m
	}
	m, adapted, other := build(1, false), build(1, true), build(2, false)
	for i, p := range m.Layers[1].linears() {
		if !slices.Equal(p.Weight.W.Data, adapted.Layers[1].linears()[i].Weight.W.Data) {
			t.Errorf("%s changes when another module is adapted", p.Name)
		}
		if slices.Equal(p.Weight.W.Data, other.Layers[1].linears()[i].Weight.W.Data) {
			t.Errorf("%s does not change with the seed", p.Name)
		}
	}
	key := random.New(1).Stream("init").Tensor("model.embed_tokens.weight")
	for i, v := range m.Embed.W.Data {
		if want := float32(0.02 * key.Normal(uint64(i))); v != want {
			t.Fatalf("embedding element %d is %v, want %v", i, v, want)
		}
	}
	var mean, square float64
	for _, v := range m.Head.Weight.W.Data {
		mean += float64(v)
		square += float64(v) * float64(v)
	}
	n := float64(len(m.Head.Weight.W.Data))
	if std := math.Sqrt(square / n); math.Abs(mean/n) > 5*0.02/math.Sqrt(n) || math.Abs(std/0.02-1) > 0.02 {
		t.Errorf("head: mean %v, standard deviation %v", mean/n, std)
	}
	for _, v := range m.Norm.W.Data {
		if v != 1 {
			t.Errorf("gain %v", v)
		}
	}
}

package models

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// written writes a model of a variant in Hugging Face's format and returns the
// folder.
func written(t *testing.T, m *Llama, p tensor.Precision) string {
	t.Helper()
	dir := t.TempDir()
	eos, pad := 1, 0
	if err := m.WriteHF(dir, HFOptions{MaxLength: 7, EOS: &eos, Pad: &pad, Weights: p}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// imported builds a dense model that starts from a folder.
func imported(t *testing.T, dir string) *Llama {
	t.Helper()
	w, err := OpenHF(dir, tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m := New(tiny)
	w.Initialise(m)
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	t.Cleanup(d.Close)
	m.Allocate(Runtime{Device: d, Ledger: memory.New(), Key: random.New(3)}, 3, 7, false)
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

func digestOf(t *testing.T, dir string) string {
	t.Helper()
	w, err := OpenHF(dir, tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	digest, err := w.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// TestHFRoundTrip: a model that starts from what another one wrote computes the
// same: to the bit if nothing was merged, up to rounding else.
func TestHFRoundTrip(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			m := setup{config: tiny, variant: v, batch: 3, length: 7, eval: true}.build(t)
			back := imported(t, written(t, m, tensor.Precision{}))
			merged := false
			for _, l := range m.Linears() {
				merged = merged || l.adapting()
			}
			weights := map[string]*Param{}
			for _, p := range back.Params() {
				weights[p.Name] = p
			}
			for _, p := range m.Params() {
				x, ok := weights[p.Name]
				linear := slices.ContainsFunc(m.Linears(), func(l *Linear) bool { return l.Weight == p && l.adapting() })
				if ok && !linear && !slices.Equal(tensor.Values(p.W), tensor.Values(x.W)) {
					t.Errorf("%s is other bits", p.Name)
				}
			}
			b := batchOf(tiny, 3, 7)
			want, got := make([]float32, 21), make([]float32, 21)
			m.Losses(b, want)
			back.Losses(b, got)
			for i := range want {
				diff := math.Abs(float64(want[i] - got[i]))
				if merged && diff > 2e-5*math.Max(1, float64(want[i])) || !merged && diff != 0 {
					t.Errorf("loss %d is %v, of the model itself %v", i, got[i], want[i])
				}
			}
		})
	}
}

// TestMergeIsReLoRAs: a merged weight has the bits that a merge of ReLoRA gives.
func TestMergeIsReLoRAs(t *testing.T) {
	m := setup{config: tiny, variant: variants()[1], batch: 1, length: 2, eval: true}.build(t)
	for _, x := range m.Dense(tensor.Precision{}) {
		i := slices.IndexFunc(m.Linears(), func(l *Linear) bool { return l.Name+".weight" == x.Name })
		if i < 0 {
			continue
		}
		l := m.Linears()[i]
		want := tensor.Of(slices.Clone(l.Weight.W.Data), l.Out, l.In)
		m.rt.Device.Gemm(tensor.N, tensor.N, l.Scale, l.B.W, l.A.W, 1, want)
		if !slices.Equal(x.Values().Float32, want.Data) {
			t.Errorf("%s: other bits than W + s·B·A", x.Name)
		}
	}
}

// TestDenseInBFloat16: weights that are kept in bfloat16 are written as they
// are, and widened exactly.
func TestDenseInBFloat16(t *testing.T) {
	m := New(tiny)
	lively(m)
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	m.Allocate(Runtime{Device: d, Ledger: memory.New(), Key: random.New(7), Weights: tensor.Precision{BFloat16: true}}, 1, 2, false)
	for i, x := range m.Dense(tensor.Precision{BFloat16: true}) {
		if p := m.Params()[i]; x.Name != p.Name || !slices.Equal(x.Values().BFloat16, p.Kept.Halves) {
			t.Errorf("%s: other bits than %s has", x.Name, p.Name)
		}
	}
	half, full := written(t, m, tensor.Precision{BFloat16: true}), written(t, m, tensor.Precision{})
	if a, b := digestOf(t, half), digestOf(t, full); a != b {
		t.Errorf("digest %s of bfloat16, %s of the same values in float32", a, b)
	}
	if a, b := imported(t, half), imported(t, full); !slices.Equal(a.Params()[3].W.Data, b.Params()[3].W.Data) {
		t.Error("bfloat16 is not widened exactly")
	}
	var config map[string]any
	text, err := os.ReadFile(filepath.Join(half, "config.json"))
	if err != nil || json.Unmarshal(text, &config) != nil || config["torch_dtype"] != "bfloat16" {
		t.Errorf("config %s, %v", text, err)
	}
}

// TestHFConfig: the keys of config.json that a LlamaForCausalLM is built from.
func TestHFConfig(t *testing.T) {
	m := setup{config: tiny, variant: variants()[0], batch: 1, length: 2, eval: true}.build(t)
	text, err := os.ReadFile(filepath.Join(written(t, m, tensor.Precision{}), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"model_type": "llama", "hidden_size": 16., "intermediate_size": 24., "num_hidden_layers": 2., "num_attention_heads": 2.,
		"num_key_value_heads": 2., "vocab_size": 37., "rms_norm_eps": 1e-6, "initializer_range": 0.02, "rope_theta": 1e4,
		"max_position_embeddings": 7., "hidden_act": "silu", "tie_word_embeddings": false, "attention_bias": false, "mlp_bias": false,
		"torch_dtype": "float32", "eos_token_id": 1., "pad_token_id": 0., "bos_token_id": nil, "rope_scaling": nil,
	} {
		if value, ok := got[key]; !ok || value != want {
			t.Errorf("%s is %v, want %v", key, value, want)
		}
	}
	if list, ok := got["architectures"].([]any); !ok || len(list) != 1 || list[0] != "LlamaForCausalLM" {
		t.Errorf("architectures %v", got["architectures"])
	}
	if !bytes.Contains(text, []byte(`"rope_theta": 10000.0`)) {
		t.Errorf("a number that is not an integer is written like one in %s", text)
	}
}

// tensorsOf reads all tensors of a file.
func tensorsOf(t *testing.T, path string) []safetensors.Tensor {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []safetensors.Tensor
	for _, name := range f.Names() {
		x, _ := f.Info(name)
		x.Data = make([]byte, x.Elements()*x.DType.Size())
		if err := f.Bytes(name, x.Data); err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	return list
}

func writeTensors(t *testing.T, path string, list []safetensors.Tensor) {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, nil, list); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func writeIndex(t *testing.T, dir string, places map[string]string) {
	t.Helper()
	if err := writeJSON(filepath.Join(dir, hfIndexFile), map[string]any{"weight_map": places}); err != nil {
		t.Fatal(err)
	}
}

// TestHFShards: weights in several files, in any order, are the same weights, and
// have the same digest.
func TestHFShards(t *testing.T) {
	m := setup{config: tiny, variant: variants()[0], batch: 3, length: 7, eval: true}.build(t)
	dir := written(t, m, tensor.Precision{})
	want, weights := digestOf(t, dir), imported(t, dir).Params()

	list := tensorsOf(t, filepath.Join(dir, hfWeightsFile))
	slices.Reverse(list)
	places := map[string]string{}
	for i, part := range [][]safetensors.Tensor{list[:7], list[7:]} {
		name := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}[i]
		writeTensors(t, filepath.Join(dir, name), part)
		for _, x := range part {
			places[x.Name] = name
		}
	}
	writeIndex(t, dir, places)
	if err := os.Remove(filepath.Join(dir, hfWeightsFile)); err != nil {
		t.Fatal(err)
	}
	if got := digestOf(t, dir); got != want {
		t.Errorf("digest %s of two files, %s of one", got, want)
	}
	for i, p := range imported(t, dir).Params() {
		if !slices.Equal(p.W.Data, weights[i].W.Data) {
			t.Errorf("%s is other bits", p.Name)
		}
	}

	// Another value is another digest.
	list[0].Data[1] ^= 1
	writeTensors(t, filepath.Join(dir, places[list[0].Name]), list[:7])
	if got := digestOf(t, dir); got == want {
		t.Error("the digest does not see a flipped bit")
	}
}

// TestHFTied: the head of a model with tied embeddings starts as a copy.
func TestHFTied(t *testing.T) {
	m := setup{config: tiny, variant: variants()[0], batch: 3, length: 7, eval: true}.build(t)
	dir := written(t, m, tensor.Precision{})
	path := filepath.Join(dir, hfWeightsFile)
	writeTensors(t, path, slices.DeleteFunc(tensorsOf(t, path), func(x safetensors.Tensor) bool { return x.Name == "lm_head.weight" }))
	if _, err := OpenHF(dir, tiny); err == nil || !strings.Contains(err.Error(), "no tensor lm_head.weight") {
		t.Errorf("no head, and not tied: %v", err)
	}
	change(t, dir, map[string]any{"tie_word_embeddings": true})
	back := imported(t, dir)
	if !slices.Equal(back.Head.Weight.W.Data, m.Embed.W.Data) || &back.Head.Weight.W.Data[0] == &back.Embed.W.Data[0] {
		t.Error("the head is not a copy of the embedding")
	}
	w, err := OpenHF(dir, tiny)
	if err != nil || !w.Tied() {
		t.Fatalf("tied: %v, %v", w, err)
	}
	w.Close()
}

// change sets keys of a folder's config.json.
func change(t *testing.T, dir string, keys map[string]any) {
	t.Helper()
	path := filepath.Join(dir, hfConfigFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	maps.Copy(config, keys)
	if err := writeJSON(path, config); err != nil {
		t.Fatal(err)
	}
}

// TestHFProblems: what cannot be imported is refused, and the error says where
// and why.
func TestHFProblems(t *testing.T) {
	m := setup{config: tiny, variant: variants()[0], batch: 1, length: 2, eval: true}.build(t)
	whole := written(t, m, tensor.Precision{})
	config := func(keys map[string]any) func(*testing.T, string) {
		return func(t *testing.T, dir string) { change(t, dir, keys) }
	}
	tensors := func(edit func([]safetensors.Tensor) []safetensors.Tensor) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, hfWeightsFile)
			writeTensors(t, path, edit(tensorsOf(t, path)))
		}
	}
	index := func(places map[string]string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, hfWeightsFile), filepath.Join(dir, "part.safetensors")); err != nil {
				t.Fatal(err)
			}
			writeIndex(t, dir, places)
		}
	}
	for name, c := range map[string]struct {
		damage func(*testing.T, string)
		want   string
	}{
		"sizes":       {config(map[string]any{"hidden_size": 32, "vocab_size": 50}), "config.json: vocab_size is 50, the run has 37; hidden_size is 32, the run has 16"},
		"theta":       {config(map[string]any{"rope_theta": 5e5}), "rope_theta is 500000, the run has 10000"},
		"other theta": {config(map[string]any{"rope_theta": nil, "rope_parameters": map[string]any{"rope_theta": 5e5, "rope_type": "default"}}), "rope_theta is 500000"},
		"eps":         {config(map[string]any{"rms_norm_eps": 1e-5}), "rms_norm_eps is 1e-05, the run has 1e-06"},
		"groups":      {config(map[string]any{"num_key_value_heads": 1}), "grouped queries are not supported"},
		"biases":      {config(map[string]any{"attention_bias": true}), "biases"},
		"scaling":     {config(map[string]any{"rope_scaling": map[string]any{"type": "linear", "factor": 2}}), `rotary embedding is scaled ("linear")`},
		"activation":  {config(map[string]any{"hidden_act": "gelu"}), `hidden_act is "gelu"`},
		"model":       {config(map[string]any{"model_type": "mistral"}), `model_type is "mistral"`},
		"no JSON": {func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, hfConfigFile), []byte("{"), 0o666); err != nil {
				t.Fatal(err)
			}
		}, "config.json: unexpected end"},
		"no config":  {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, hfConfigFile)) }, "config.json: no such file"},
		"no weights": {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, hfWeightsFile)) }, "holds neither model.safetensors nor model.safetensors.index.json"},
		"no folder":  {func(t *testing.T, dir string) { os.RemoveAll(dir) }, "no such folder"},
		"truncated": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, hfWeightsFile), 5000); err != nil {
				t.Fatal(err)
			}
		}, "model.safetensors: header"},
		"missing": {tensors(func(list []safetensors.Tensor) []safetensors.Tensor {
			return slices.DeleteFunc(list, func(x safetensors.Tensor) bool { return strings.Contains(x.Name, "layers.1.") })
		}), "no tensor model.layers.1.input_layernorm.weight, model.layers.1.self_attn.q_proj.weight"},
		"more": {tensors(func(list []safetensors.Tensor) []safetensors.Tensor {
			return append(list, safetensors.Of("model.layers.0.self_attn.q_proj.bias", make([]float32, 16), 16))
		}), "model.safetensors: model.layers.0.self_attn.q_proj.bias has no place in this model"},
		"shape": {tensors(func(list []safetensors.Tensor) []safetensors.Tensor {
			i := slices.IndexFunc(list, func(x safetensors.Tensor) bool { return strings.HasSuffix(x.Name, "0.mlp.up_proj.weight") })
			list[i].Shape = []int{16, 24}
			return list
		}), "model.safetensors: model.layers.0.mlp.up_proj.weight has shape [16 24], the run needs [24 16]"},
		"gain": {tensors(func(list []safetensors.Tensor) []safetensors.Tensor {
			i := slices.IndexFunc(list, func(x safetensors.Tensor) bool { return x.Name == "model.norm.weight" })
			list[i].Shape = []int{1, 16}
			return list
		}), "model.norm.weight has shape [1 16], the run needs [16]"},
		"type": {tensors(func(list []safetensors.Tensor) []safetensors.Tensor {
			i := slices.IndexFunc(list, func(x safetensors.Tensor) bool { return x.Name == "model.norm.weight" })
			list[i] = safetensors.Tensor{Name: list[i].Name, DType: safetensors.I32, Shape: []int{16}, Data: make([]byte, 64)}
			return list
		}), "model.norm.weight is I32"},
		"escape":      {index(map[string]string{"lm_head.weight": "../part.safetensors"}), `"../part.safetensors", which is not the name`},
		"absolute":    {index(map[string]string{"lm_head.weight": filepath.Join(t.TempDir(), "part.safetensors")}), "which is not the name"},
		"no shard":    {index(map[string]string{"lm_head.weight": "other.safetensors"}), "other.safetensors: no such file"},
		"wrong shard": {index(map[string]string{"lm_tail.weight": "part.safetensors"}), `part.safetensors does not hold "lm_tail.weight"`},
		"a part":      {index(map[string]string{"lm_head.weight": "part.safetensors"}), "no tensor model.embed_tokens.weight"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			c.damage(t, dir)
			w, err := OpenHF(dir, tiny)
			if err == nil {
				w.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v\nwant %q and the folder", err, c.want)
			}
		})
	}

	dir := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	tensors(func(list []safetensors.Tensor) []safetensors.Tensor {
		i := slices.IndexFunc(list, func(x safetensors.Tensor) bool { return x.Name == "model.norm.weight" })
		copy(list[i].Data[4*5:], []byte{0, 0, 0xc0, 0x7f}) // NaN
		// Frequencies of rotary embedding, as old files have them, are not read.
		return append(list, safetensors.Of("model.layers.0.self_attn.rotary_emb.inv_freq", make([]float32, 4), 4))
	})(t, dir)
	w, err := OpenHF(dir, tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Digest(); err == nil || !strings.Contains(err.Error(), "model.norm.weight: element 5 is NaN") {
		t.Errorf("a weight that is no number: %v", err)
	}
}

// FuzzHFConfig: any config.json is understood or refused; what is accepted has
// the dimensions of the model.
func FuzzHFConfig(f *testing.F) {
	good, err := json.Marshal(tiny.hf(HFOptions{MaxLength: 7}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"model_type":"llama","rope_scaling":{"rope_type":"yarn"},"num_key_value_heads":-1,"head_dim":9223372036854775807}`))
	f.Add([]byte(`[1e999]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseHFConfig(text, tiny)
		if err == nil && (c.HiddenSize != tiny.HiddenSize || c.VocabSize != tiny.VocabSize || c.ModelType != "llama") {
			t.Fatalf("accepted %+v", c)
		}
	})
}

// FuzzHFIndex: an index leads to files of its own folder only.
func FuzzHFIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":1},"weight_map":{"lm_head.weight":"model-00001-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../b.safetensors","b":"/etc/c.safetensors","c":"d\\e.safetensors","d":".."}}`))
	f.Add([]byte(`{"weight_map":{"a":"C:x.safetensors"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		places, err := parseHFIndex(text)
		if err != nil {
			return
		}
		for _, file := range places {
			if path := filepath.Join("folder", file); filepath.Dir(path) != "folder" || filepath.Base(path) != file {
				t.Fatalf("%q leads to %s", file, path)
			}
		}
	})
}

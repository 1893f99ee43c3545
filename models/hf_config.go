package models

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The files of a model in Hugging Face's format, as transformers reads them.
const (
	hfConfigFile     = "config.json"
	hfGenerationFile = "generation_config.json"
	hfWeightsFile    = "model.safetensors"
	hfIndexFile      = "model.safetensors.index.json" // of weights in several files
)

// hfConfig is the config.json of a LlamaForCausalLM that computes what [Llama]
// does.
type hfConfig struct {
	Architectures []string `json:"architectures"`
	ModelType     string   `json:"model_type"`

	VocabSize             int     `json:"vocab_size"`
	HiddenSize            int     `json:"hidden_size"`
	IntermediateSize      int     `json:"intermediate_size"`
	NumHiddenLayers       int     `json:"num_hidden_layers"`
	NumAttentionHeads     int     `json:"num_attention_heads"`
	NumKeyValueHeads      int     `json:"num_key_value_heads"`
	MaxPositionEmbeddings int     `json:"max_position_embeddings"`
	HiddenAct             string  `json:"hidden_act"`
	RMSNormEps            decimal `json:"rms_norm_eps"`
	InitializerRange      decimal `json:"initializer_range"`
	RopeTheta             decimal `json:"rope_theta"`
	RopeScaling           *string `json:"rope_scaling"` // always null
	AttentionBias         bool    `json:"attention_bias"`
	AttentionDropout      decimal `json:"attention_dropout"`
	MLPBias               bool    `json:"mlp_bias"`
	TieWordEmbeddings     bool    `json:"tie_word_embeddings"`
	UseCache              bool    `json:"use_cache"`
	TorchDtype            string  `json:"torch_dtype"`

	BOS *int `json:"bos_token_id"`
	EOS *int `json:"eos_token_id"`
	Pad *int `json:"pad_token_id"`
}

// A decimal is a number that is written with a point or an exponent even where
// it is whole: readers in Python tell 1.0 from 1.
type decimal float64

func (d decimal) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(float64(d))
	if err == nil && !strings.ContainsAny(string(text), ".e") {
		text = append(text, '.', '0')
	}
	return text, err
}

// hf returns the config.json of a model with this configuration.
func (c Config) hf(o HFOptions) hfConfig {
	out := hfConfig{
		Architectures: []string{"LlamaForCausalLM"}, ModelType: "llama",
		VocabSize: c.VocabSize, HiddenSize: c.HiddenSize, IntermediateSize: c.IntermediateSize, NumHiddenLayers: c.NumHiddenLayers,
		NumAttentionHeads: c.NumAttentionHeads, NumKeyValueHeads: c.NumAttentionHeads, MaxPositionEmbeddings: o.MaxLength, HiddenAct: "silu",
		RMSNormEps: decimal(c.RMSNormEps), InitializerRange: decimal(c.InitializerRange), RopeTheta: decimal(c.RopeTheta),
		UseCache: true, TorchDtype: "float32", EOS: o.EOS, Pad: o.Pad,
	}
	if o.Weights.BFloat16 {
		out.TorchDtype = "bfloat16"
	}
	return out
}

// hfRead is what a config.json says that [Llama] depends on. Keys that a file
// may leave out have Hugging Face's defaults.
type hfRead struct {
	ModelType         string   `json:"model_type"`
	VocabSize         int      `json:"vocab_size"`
	HiddenSize        int      `json:"hidden_size"`
	IntermediateSize  int      `json:"intermediate_size"`
	NumHiddenLayers   int      `json:"num_hidden_layers"`
	NumAttentionHeads int      `json:"num_attention_heads"`
	NumKeyValueHeads  int      `json:"num_key_value_heads"`
	HeadDim           int      `json:"head_dim"`
	HiddenAct         string   `json:"hidden_act"`
	RMSNormEps        *float64 `json:"rms_norm_eps"`
	RopeTheta         *float64 `json:"rope_theta"`
	RopeScaling       *rope    `json:"rope_scaling"`
	RopeParameters    *rope    `json:"rope_parameters"` // where newer releases keep both
	AttentionBias     bool     `json:"attention_bias"`
	MLPBias           bool     `json:"mlp_bias"`
	TieWordEmbeddings bool     `json:"tie_word_embeddings"`
}

// rope is what a config.json says about rotary embedding.
type rope struct {
	Type      string   `json:"rope_type"`
	OldType   string   `json:"type"`
	RopeTheta *float64 `json:"rope_theta"`
}

// parseHFConfig reads a config.json and reports everything that keeps a model
// of configuration c from computing what its weights were trained for.
func parseHFConfig(text []byte, c Config) (hfRead, error) {
	var f hfRead
	if err := json.Unmarshal(text, &f); err != nil {
		return f, err
	}
	var problems []string
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if f.ModelType != "llama" {
		bad("model_type is %q; only \"llama\" can be imported", f.ModelType)
	}
	for _, x := range []struct {
		key         string
		found, want int
	}{
		{"vocab_size", f.VocabSize, c.VocabSize},
		{"hidden_size", f.HiddenSize, c.HiddenSize},
		{"intermediate_size", f.IntermediateSize, c.IntermediateSize},
		{"num_hidden_layers", f.NumHiddenLayers, c.NumHiddenLayers},
		{"num_attention_heads", f.NumAttentionHeads, c.NumAttentionHeads},
	} {
		if x.found != x.want {
			bad("%s is %d, the run has %d", x.key, x.found, x.want)
		}
	}
	if kv := f.NumKeyValueHeads; kv != 0 && kv != f.NumAttentionHeads {
		bad("num_key_value_heads is %d beside %d heads; grouped queries are not supported", kv, f.NumAttentionHeads)
	}
	if f.HeadDim != 0 && f.HeadDim*f.NumAttentionHeads != f.HiddenSize {
		bad("head_dim %d times %d heads is not hidden_size %d, which is not supported", f.HeadDim, f.NumAttentionHeads, f.HiddenSize)
	}
	if f.HiddenAct != "" && f.HiddenAct != "silu" && f.HiddenAct != "swish" {
		bad("hidden_act is %q; only \"silu\" is supported", f.HiddenAct)
	}
	if f.AttentionBias || f.MLPBias {
		bad("the linear modules have biases, which are not supported")
	}
	theta := f.RopeTheta
	for _, r := range []*rope{f.RopeParameters, f.RopeScaling} {
		if r == nil {
			continue
		}
		if kind := r.Type + r.OldType; kind != "" && r.Type != "default" && r.OldType != "default" {
			bad("rotary embedding is scaled (%q), which is not supported", max(r.Type, r.OldType))
		}
		if theta == nil {
			theta = r.RopeTheta
		}
	}
	if found := or(theta, 10000); found != c.RopeTheta {
		bad("rope_theta is %v, the run has %v", found, c.RopeTheta)
	}
	if found := or(f.RMSNormEps, 1e-6); found != c.RMSNormEps {
		bad("rms_norm_eps is %v, the run has %v", found, c.RMSNormEps)
	}
	if len(problems) > 0 {
		return f, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return f, nil
}

func or(x *float64, otherwise float64) float64 {
	if x == nil {
		return otherwise
	}
	return *x
}

package models

import (
	"fmt"
	"math"
)

// A Config describes a LLaMA model. Keys and meaning are those of Hugging
// Face's config.json: no biases, untied head, multi-head attention.
type Config struct {
	HiddenSize        int     `toml:"hidden_size" json:"hidden_size"`
	IntermediateSize  int     `toml:"intermediate_size" json:"intermediate_size"`
	NumHiddenLayers   int     `toml:"num_hidden_layers" json:"num_hidden_layers"`
	NumAttentionHeads int     `toml:"num_attention_heads" json:"num_attention_heads"`
	VocabSize         int     `toml:"vocab_size" json:"vocab_size"`
	RMSNormEps        float64 `toml:"rms_norm_eps" json:"rms_norm_eps"`
	InitializerRange  float64 `toml:"initializer_range" json:"initializer_range"`
	RopeTheta         float64 `toml:"rope_theta" json:"rope_theta"`
}

// A FieldProblem says what is wrong with one field of a [Config].
type FieldProblem struct {
	Key    string // the field's TOML key
	Reason string
}

// Validate returns everything that is wrong with c, in field order.
func (c Config) Validate() []FieldProblem {
	var problems []FieldProblem
	report := func(key, format string, args ...any) {
		problems = append(problems, FieldProblem{key, fmt.Sprintf(format, args...)})
	}
	for _, f := range []struct {
		key   string
		value int
	}{
		{"hidden_size", c.HiddenSize},
		{"intermediate_size", c.IntermediateSize},
		{"num_hidden_layers", c.NumHiddenLayers},
		{"num_attention_heads", c.NumAttentionHeads},
		{"vocab_size", c.VocabSize},
	} {
		if f.value <= 0 {
			report(f.key, "must be positive, is %d", f.value)
		}
	}
	if d, h := c.HiddenSize, c.NumAttentionHeads; d > 0 && h > 0 {
		switch {
		case d%h != 0:
			report("num_attention_heads", "%d heads do not divide hidden_size %d", h, d)
		case d/h%2 != 0:
			report("num_attention_heads", "%d heads of hidden_size %d are %d wide; rotary embedding needs an even width", h, d, d/h)
		}
	}
	for _, f := range []struct {
		key   string
		value float64
	}{
		{"rms_norm_eps", c.RMSNormEps},
		{"initializer_range", c.InitializerRange},
		{"rope_theta", c.RopeTheta},
	} {
		if !(f.value > 0) || math.IsInf(f.value, 1) {
			report(f.key, "must be positive and finite, is %v", f.value)
		}
	}
	return problems
}

// HeadDim returns the width of one attention head.
func (c Config) HeadDim() int { return c.HiddenSize / c.NumAttentionHeads }

// Linear returns the number of weights in the linear modules of all layers
// (attention and MLP): the part that low-rank methods project or adapt.
func (c Config) Linear() int64 {
	d, f := int64(c.HiddenSize), int64(c.IntermediateSize)
	return int64(c.NumHiddenLayers) * (4*d*d + 3*d*f)
}

// Embedding returns the number of weights of the token embedding; the untied
// head has as many.
func (c Config) Embedding() int64 { return int64(c.VocabSize) * int64(c.HiddenSize) }

// Norms returns the number of norm gains.
func (c Config) Norms() int64 { return int64(c.HiddenSize) * int64(2*c.NumHiddenLayers+1) }

// NumParams returns the number of weights of the dense model.
func (c Config) NumParams() int64 { return c.Linear() + 2*c.Embedding() + c.Norms() }

// ProjectableShare returns Linear/NumParams.
func (c Config) ProjectableShare() float64 { return float64(c.Linear()) / float64(c.NumParams()) }

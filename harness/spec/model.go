package spec

import (
	"slices"
	"strings"

	"ranklab/models"
)

// Model selects the architecture: a preset, with any field overridden.
type Model struct {
	Preset string `toml:"preset" json:"preset,omitempty" identity:"-"` // where the fields below came from; a label once they are resolved
	models.Config
}

// fillDefaults: the fields of the preset; without one, rms_norm_eps 1e-6,
// initializer_range 0.02 and rope_theta 10000. The sizes have no default.
func (m *Model) fillDefaults(explicit func(string) bool) {
	base, ok := models.Preset(m.Preset)
	if !ok {
		base = models.Config{RMSNormEps: 1e-6, InitializerRange: 0.02, RopeTheta: 10000}
	}
	for _, f := range []struct {
		key      string
		dst, src *int
	}{
		{"hidden_size", &m.HiddenSize, &base.HiddenSize},
		{"intermediate_size", &m.IntermediateSize, &base.IntermediateSize},
		{"num_hidden_layers", &m.NumHiddenLayers, &base.NumHiddenLayers},
		{"num_attention_heads", &m.NumAttentionHeads, &base.NumAttentionHeads},
		{"vocab_size", &m.VocabSize, &base.VocabSize},
	} {
		if !explicit("model." + f.key) {
			*f.dst = *f.src
		}
	}
	for _, f := range []struct {
		key      string
		dst, src *float64
	}{
		{"rms_norm_eps", &m.RMSNormEps, &base.RMSNormEps},
		{"initializer_range", &m.InitializerRange, &base.InitializerRange},
		{"rope_theta", &m.RopeTheta, &base.RopeTheta},
	} {
		if !explicit("model." + f.key) {
			*f.dst = *f.src
		}
	}
}

func (m Model) check(c *checker) {
	if m.Preset != "" {
		c.oneOf("model.preset", m.Preset, models.Presets()...)
	}
	sizes := []string{"model.hidden_size", "model.intermediate_size", "model.num_hidden_layers", "model.num_attention_heads", "model.vocab_size"}
	values := []int{m.HiddenSize, m.IntermediateSize, m.NumHiddenLayers, m.NumAttentionHeads, m.VocabSize}
	limits := []int{1 << 16, 1 << 18, 1 << 10, 1 << 12, 1 << 20}
	missing := make(map[string]bool)
	var names []string
	for i, key := range sizes {
		if !c.isSet(key) && values[i] == 0 {
			missing[key] = true
			names = append(names, shortKey(key))
			continue
		}
		if values[i] > limits[i] && !c.skip(key) {
			c.fail(key, "%s must be at most %d, is %d", shortKey(key), limits[i], values[i])
		}
	}
	if len(names) > 0 && !c.isSet("model.preset") {
		c.problems.add(c.fallback("model"), "", `a preset has them all: preset = "60m"`, "[model] lacks %s", strings.Join(names, ", "))
	}
	for _, p := range m.Config.Validate() {
		key := "model." + p.Key
		related := []string{key}
		if p.Key == "num_attention_heads" {
			related = append(related, "model.hidden_size")
		}
		if c.skip(related...) || slices.ContainsFunc(related, func(k string) bool { return missing[k] }) {
			continue
		}
		c.failAt(related, "%s: %s", p.Key, p.Reason)
	}
}

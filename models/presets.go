package models

type preset struct {
	name                                string
	hidden, intermediate, heads, layers int
	vocab                               int
}

// The LLaMA configurations of the GaLore experiments (2403.03507, Table 5 and
// the configs released with it: 1b has 24 layers of 32 heads; the table prints
// the two the other way round).
func presets() []preset {
	return []preset{
		{"9m", 128, 352, 4, 4, 32000},
		{"20m", 256, 688, 4, 4, 32000},
		{"35m", 384, 1024, 8, 6, 32000},
		{"40m", 416, 1024, 8, 8, 32000},
		{"60m", 512, 1376, 8, 8, 32000},
		{"71m", 512, 1368, 8, 12, 32000},
		{"100m", 640, 1708, 10, 12, 32100},
		{"130m", 768, 2048, 12, 12, 32000},
		{"250m", 768, 2560, 16, 24, 32000},
		{"350m", 1024, 2736, 16, 24, 32000},
		{"1b", 2048, 5461, 32, 24, 32000},
		{"3b", 2560, 6848, 32, 32, 32000},
		{"7b", 4096, 11008, 32, 32, 32000},
	}
}

// Presets lists the names of the built-in configurations by size.
func Presets() []string {
	var names []string
	for _, p := range presets() {
		names = append(names, p.name)
	}
	return names
}

// Preset returns the built-in configuration of that name.
func Preset(name string) (Config, bool) {
	for _, p := range presets() {
		if p.name == name {
			return Config{
				HiddenSize:        p.hidden,
				IntermediateSize:  p.intermediate,
				NumHiddenLayers:   p.layers,
				NumAttentionHeads: p.heads,
				VocabSize:         p.vocab,
				RMSNormEps:        1e-6,
				InitializerRange:  0.02,
				RopeTheta:         10000,
			}, true
		}
	}
	return Config{}, false
}

package footprint_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"ranklab/harness/footprint"
	"ranklab/models"
)

func preset(t *testing.T, name string) models.Config {
	t.Helper()
	c, ok := models.Preset(name)
	if !ok {
		t.Fatalf("no preset %q", name)
	}
	return c
}

func elements(t *testing.T, name string, m footprint.Method) footprint.Parts {
	t.Helper()
	p, err := footprint.Elements(preset(t, name), m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func exact(t *testing.T, name string, m footprint.Method) footprint.Parts {
	t.Helper()
	p, err := footprint.Exact(preset(t, name), m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The counts of values at the paper's ranks, with the sums over a whole model
// written out: P = 7Ldr and moments 2Lr(4d + 3f) of GaLore's targets, factors
// A = Lr(8d + 3(d+f)), and 2Vd + 2Ld + d parameters outside the targets.
func TestElements(t *testing.T) {
	for _, c := range []struct {
		preset                                    string
		rank                                      int
		projectors, moments, rest                 int64
		full, galore, reverse                     int64 // states
		loraWeights, trained /* by LoRA */, state int64
	}{
		{"60m", 128, 3670016, 12648448, 32776704, 116147200, 81871872, 79217664, 68067840, 42770944, 85541888},
		{"130m", 256, 16515072, 56623104, 49171200, 268211712, 171480576, 159684096, 178932480, 93997824, 187995648},
		{"350m", 256, 44040192, 151191552, 65586176, 735938560, 326404096, 294848512, 487605248, 185222144, 370444288},
		{"1b", 512, 176160768, 603955200, 131172352, 2678165504, 1042460672, 916643840, 1817221120, 609310720, 1218621440},
		{"7b", 1024, 939524096, 3238002688, 262410240, 13476831232, 4702347264, 4022870016, 9296941056, 2820935680, 5641871360},
	} {
		t.Run(c.preset, func(t *testing.T) {
			config := preset(t, c.preset)
			d, f, l, r := int64(config.HiddenSize), int64(config.IntermediateSize), int64(config.NumHiddenLayers), int64(c.rank)
			if 7*l*d*r != c.projectors || 2*l*r*(4*d+3*f) != c.moments || 2*config.Embedding()+config.Norms() != c.rest {
				t.Errorf("the table contradicts the formulas")
			}
			n := config.NumParams()
			for _, want := range []struct {
				method footprint.Method
				parts  footprint.Parts
			}{
				{footprint.Method{Kind: "adamw"}, footprint.Parts{Weights: n, Gradients: n, State: c.full}},
				{footprint.Method{Kind: "galore"}, footprint.Parts{Weights: n, Gradients: n, State: c.moments + 2*c.rest, Projectors: c.projectors}},
				{footprint.Method{Kind: "lowrank"}, footprint.Parts{Weights: c.trained, Gradients: c.trained, State: c.state}},
				{footprint.Method{Kind: "lora"}, footprint.Parts{Weights: n, Adapters: c.loraWeights - n, Gradients: c.trained, State: c.state}},
				{footprint.Method{Kind: "relora"}, footprint.Parts{Weights: n, Adapters: c.loraWeights - n, Gradients: c.trained, State: c.state}},
				{footprint.Method{Kind: "sgd"}, footprint.Parts{Weights: n, Gradients: n, State: n}},
			} {
				want.method.Rank = c.rank
				if got := elements(t, c.preset, want.method); got != want.parts {
					t.Errorf("%s: %+v, want %+v", want.method.Kind, got, want.parts)
				}
			}
			if got := elements(t, c.preset, footprint.Method{Kind: "galore", Rank: c.rank}).States(); got != c.galore {
				t.Errorf("galore: states of %d, want %d", got, c.galore)
			}
			if got := elements(t, c.preset, footprint.Method{Kind: "galore", Rank: c.rank, ProjType: "reverse_std"}).States(); got != c.reverse {
				t.Errorf("galore, reverse_std: states of %d, want %d", got, c.reverse)
			}
		})
	}
}

// The exact bf16 column of 130m at rank 256, in 10⁶ bytes.
func TestExact130m(t *testing.T) {
	for _, c := range []struct {
		name   string
		method footprint.Method
		want   string // weights, states, weights + states, gradients, all
	}{
		{"full rank", footprint.Method{Kind: "adamw"}, "268.2 536.4 804.6 268.2 1072.8"},
		{"galore", footprint.Method{Kind: "galore"}, "268.2 343.0 611.2 268.2 879.4"},
		{"lora", footprint.Method{Kind: "lora"}, "357.9 376.0 733.9 188.0 921.9"},
		{"relora", footprint.Method{Kind: "relora"}, "357.9 376.0 733.9 188.0 921.9"},
		{"lowrank", footprint.Method{Kind: "lowrank"}, "188.0 376.0 564.0 188.0 752.0"},
		{"8-bit adam", footprint.Method{Kind: "adamw8bit", Block: 256}, "268.2 272.5 540.7 268.2 808.9"},
		{"8-bit galore", footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Block: 256}, "268.2 190.5 458.7 268.2 727.0"},
		{"adafactor", footprint.Method{Kind: "adafactor"}, "268.2 0.5 268.7 268.2 536.9"},
		{"adafactor with momentum", footprint.Method{Kind: "adafactor", Momentum: true}, "268.2 268.7 536.9 268.2 805.2"},
	} {
		c.method.Rank = 256
		p := exact(t, "130m", c.method)
		var got []string
		for _, bytes := range []int64{p.AllWeights(), p.States(), p.AllWeights() + p.States(), p.Gradients, p.Total()} {
			got = append(got, fmt.Sprintf("%.1f", float64(bytes)/1e6))
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Weights and states of the other sizes at the paper's ranks, in 10⁶ bytes.
func TestExactSizes(t *testing.T) {
	for name, want := range map[string]string{ // adamw, galore, lora, lowrank
		"60m":  "348.4 279.9 307.2 256.6",
		"350m": "2207.8 1388.7 1716.1 1111.3",
		"1b":   "8034.5 4763.1 6071.7 3655.9",
		"7b":   "40430.5 22881.5 29877.6 16925.6",
	} {
		rank, _ := footprint.PaperRank(name)
		var got []string
		for _, kind := range []string{"adamw", "galore", "lora", "lowrank"} {
			p := exact(t, name, footprint.Method{Kind: kind, Rank: rank})
			got = append(got, fmt.Sprintf("%.1f", float64(p.AllWeights()+p.States())/1e6))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Moments of 8 bits, to the byte.
func Test8bit(t *testing.T) {
	for _, c := range []struct {
		method footprint.Method
		want   int64
	}{
		{footprint.Method{Kind: "adamw8bit", Block: 256}, 272517120},
		{footprint.Method{Kind: "adamw8bit", Block: 2048}, 268850688},
		{footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Rank: 256, Block: 256}, 190531584},
		// 84 bases of 768 blocks each, in 8 and 4 bits.
		{footprint.Method{Kind: "galore", Rank: 256, ProjectorDtype: "int8"}, 2*(56623104+2*49171200) + 16515072 + 5*84*768},
		{footprint.Method{Kind: "galore", Optimizer: "adamw8bit", Rank: 256, Block: 256, ProjectorDtype: "int4"}, 190531584 - 2*16515072 + 16515072/2 + 5*84*768},
	} {
		if got := exact(t, "130m", c.method).States(); got != c.want {
			t.Errorf("%+v: states of %d bytes, want %d", c.method, got, c.want)
		}
	}
	// A block that is not full has its constants too; a small tensor has none.
	c := models.Config{HiddenSize: 65, IntermediateSize: 66, NumHiddenLayers: 1, NumAttentionHeads: 1, VocabSize: 10}
	p, err := footprint.Exact(c, footprint.Method{Kind: "adamw8bit", Block: 2048})
	if err != nil {
		t.Fatal(err)
	}
	attention, mlp := int64(4*(2*65*65+3*8)), int64(3*(2*65*66+3*8)) // 4225 and 4290 elements each: 3 blocks
	if want := attention + mlp + 8*(2*10*65+3*65); p.State != want {
		t.Errorf("%d bytes, want %d", p.State, want)
	}
}

// What changes with the rank and what does not.
func TestRank(t *testing.T) {
	for _, name := range models.Presets() {
		c := preset(t, name)
		d, f, l := int64(c.HiddenSize), int64(c.IntermediateSize), int64(c.NumHiddenLayers)
		// At full rank GaLore adds the square basis of every target to the state of Adam;
		// above it nothing changes.
		whole := elements(t, name, footprint.Method{Kind: "galore", Rank: c.HiddenSize})
		adam := elements(t, name, footprint.Method{Kind: "adamw"})
		if adam.Projectors = 7 * l * d * d; whole != adam {
			t.Errorf("%s: %+v at full rank, want %+v", name, whole, adam)
		}
		for _, projType := range []string{"std", "reverse_std", "left", "right", "full"} {
			m := footprint.Method{Kind: "galore", Rank: c.HiddenSize, ProjType: projType}
			want := elements(t, name, m)
			m.Rank = 10 * c.IntermediateSize
			if got := elements(t, name, m); got != want {
				t.Errorf("%s, %s: %+v above full rank, want %+v", name, projType, got, want)
			}
		}
		for _, kind := range []string{"lowrank", "lora", "relora"} {
			if _, err := footprint.Elements(c, footprint.Method{Kind: kind, Rank: int(min(d, f)) + 1}); err == nil {
				t.Errorf("%s: %s accepts a rank above full rank", name, kind)
			}
		}
		// One gradient at a time is that of the embedding or of an MLP weight.
		one := elements(t, name, footprint.Method{Kind: "galore", Rank: 8, Layerwise: true})
		if want := max(c.Embedding(), d*f); one.Gradients != want {
			t.Errorf("%s: layer-wise gradient of %d, want %d", name, one.Gradients, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, m := range []footprint.Method{
		{}, {Kind: "adam"}, {Kind: "galore"}, {Kind: "galore", Rank: -1}, {Kind: "galore", Rank: 4, ProjType: "both"},
		{Kind: "lora", Rank: 4, Optimizer: "lion"}, {Kind: "sgd", Block: 256}, {Kind: "adamw", Block: -1},
		{Kind: "adamw", ProjectorDtype: "int8"}, {Kind: "galore", Rank: 4, ProjectorDtype: "int2"},
	} {
		if p, err := footprint.Exact(preset(t, "9m"), m); err == nil {
			t.Errorf("%+v: %+v, want an error", m, p)
		}
	}
}

// near reports whether two numbers differ by at most tolerance.
func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

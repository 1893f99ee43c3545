package models

import (
	"math"
	"strings"
	"testing"
)

func TestPresetCounts(t *testing.T) {
	table := []struct {
		name                         string
		d, f, heads, hd, layers, v   int
		linear, embedding, norm, all int64
		share                        float64 // %
	}{
		{"9m", 128, 352, 4, 32, 4, 32000, 802816, 4096000, 1152, 8995968, 8.9},
		{"20m", 256, 688, 4, 64, 4, 32000, 3162112, 8192000, 2304, 19548416, 16.2},
		{"35m", 384, 1024, 8, 48, 6, 32000, 10616832, 12288000, 4992, 35197824, 30.2},
		{"40m", 416, 1024, 8, 52, 8, 32000, 15761408, 13312000, 7072, 42392480, 37.2},
		{"60m", 512, 1376, 8, 64, 8, 32000, 25296896, 16384000, 8704, 58073600, 43.6},
		{"71m", 512, 1368, 8, 64, 12, 32000, 37797888, 16384000, 12800, 70578688, 53.6},
		{"100m", 640, 1708, 10, 64, 12, 32100, 59013120, 20544000, 16000, 100117120, 58.9},
		{"130m", 768, 2048, 12, 64, 12, 32000, 84934656, 24576000, 19200, 134105856, 63.3},
		{"250m", 768, 2560, 16, 48, 24, 32000, 198180864, 24576000, 37632, 247370496, 80.1},
		{"350m", 1024, 2736, 16, 64, 24, 32000, 302383104, 32768000, 50176, 367969280, 82.2},
		{"1b", 2048, 5461, 32, 64, 24, 32000, 1207910400, 65536000, 100352, 1339082752, 90.2},
		{"3b", 2560, 6848, 32, 80, 32, 32000, 2521825280, 81920000, 166400, 2685831680, 93.9},
		{"7b", 4096, 11008, 32, 128, 32, 32000, 6476005376, 131072000, 266240, 6738415616, 96.1},
	}
	names := Presets()
	if len(names) != len(table) {
		t.Fatalf("%d presets, want %d", len(names), len(table))
	}
	for i, want := range table {
		c, ok := Preset(want.name)
		if !ok || names[i] != want.name {
			t.Errorf("preset %d is %s, want %s", i, names[i], want.name)
		}
		if p := c.Validate(); p != nil {
			t.Errorf("%s: %v", want.name, p)
		}
		if c.HiddenSize != want.d || c.IntermediateSize != want.f || c.NumAttentionHeads != want.heads ||
			c.HeadDim() != want.hd || c.NumHiddenLayers != want.layers || c.VocabSize != want.v {
			t.Errorf("%s: %+v", want.name, c)
		}
		if c.RMSNormEps != 1e-6 || c.InitializerRange != 0.02 || c.RopeTheta != 10000 {
			t.Errorf("%s: %+v", want.name, c)
		}
		if c.Linear() != want.linear || c.Embedding() != want.embedding || c.Norms() != want.norm || c.NumParams() != want.all {
			t.Errorf("%s: linear %d, embedding %d, norms %d, all %d", want.name, c.Linear(), c.Embedding(), c.Norms(), c.NumParams())
		}
		if share := 100 * c.ProjectableShare(); math.Abs(share-want.share) > 0.05 {
			t.Errorf("%s: projectable share %.2f %%, want %v", want.name, share, want.share)
		}
		var sum, linear int64
		m := New(c)
		for _, p := range m.Params() {
			sum += int64(p.W.Rows) * int64(p.W.Cols)
		}
		for _, l := range m.Linears() {
			linear += int64(l.In) * int64(l.Out)
		}
		if sum != want.all || linear != want.linear {
			t.Errorf("%s: parameters add up to %d, linears to %d", want.name, sum, linear)
		}
	}
	if _, ok := Preset("8m"); ok {
		t.Error("preset 8m exists")
	}
	for _, proxy := range []struct {
		preset string
		vocab  int
		share  float64
	}{{"9m", 2048, 60.4}, {"20m", 2048, 75.06}, {"35m", 4096, 77.1}} {
		c, _ := Preset(proxy.preset)
		c.VocabSize = proxy.vocab
		if share := 100 * c.ProjectableShare(); math.Abs(share-proxy.share) > 0.05 {
			t.Errorf("%s with vocabulary %d: projectable share %.2f %%", proxy.preset, proxy.vocab, share)
		}
	}
}

func TestValidate(t *testing.T) {
	good := tiny
	for _, c := range []struct {
		change func(c *Config)
		want   []string // "key: part of the reason"
	}{
		{func(c *Config) {}, nil},
		{func(c *Config) { c.HiddenSize = 0 }, []string{"hidden_size: positive"}},
		{func(c *Config) { c.IntermediateSize = -3 }, []string{"intermediate_size: -3"}},
		{func(c *Config) { c.NumHiddenLayers = 0 }, []string{"num_hidden_layers: positive"}},
		{func(c *Config) { c.VocabSize = 0 }, []string{"vocab_size: positive"}},
		{func(c *Config) { c.NumAttentionHeads = 3 }, []string{"num_attention_heads: do not divide hidden_size 16"}},
		{func(c *Config) { c.NumAttentionHeads = 16 }, []string{"num_attention_heads: even width"}},
		{func(c *Config) { c.RMSNormEps = 0 }, []string{"rms_norm_eps: positive"}},
		{func(c *Config) { c.InitializerRange = math.NaN() }, []string{"initializer_range: NaN"}},
		{func(c *Config) { c.RopeTheta = math.Inf(1) }, []string{"rope_theta: finite"}},
		{func(c *Config) { *c = Config{} }, []string{
			"hidden_size: ", "intermediate_size: ", "num_hidden_layers: ", "num_attention_heads: ", "vocab_size: ",
			"rms_norm_eps: ", "initializer_range: ", "rope_theta: ",
		}},
	} {
		bad := good
		c.change(&bad)
		got := bad.Validate()
		if len(got) != len(c.want) {
			t.Errorf("%+v: %v, want %v", bad, got, c.want)
			continue
		}
		for i, want := range c.want {
			key, reason, _ := strings.Cut(want, ": ")
			if got[i].Key != key || !strings.Contains(got[i].Reason, reason) {
				t.Errorf("%+v: %v, want %v", bad, got[i], want)
			}
		}
	}
}

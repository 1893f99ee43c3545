package bench

import (
	"math"
	"testing"

	"ranklab/harness/train"
	"ranklab/models"
	"ranklab/tensor"
)

func TestTokenFLOPs(t *testing.T) {
	for name, want := range map[string]float64{
		"130m": 6*(134_105_856-24_576_000) + 6*12*768*256,
		"9m":   6*(8_995_968-4_096_000) + 6*4*128*256,
	} {
		c, _ := models.Preset(name)
		if got := TokenFLOPs(c, 256); got != want {
			t.Errorf("%s: %.0f FLOP per token, want %.0f", name, got, want)
		}
	}
}

// The closed formula and the walk over the modules count the same at full
// rank, but for the norm gains, which the walk leaves out.
func TestTokenFLOPsAgreesWithPrediction(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	for _, name := range []string{"quick", "60m", "130m"} {
		b, err := Options{Tokens: 2048}.body(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := train.Predict(b.runs[0], d)
		if err != nil {
			t.Fatal(err)
		}
		norms := 6 * float64(b.config().Norms())
		if got, want := 2048*(TokenFLOPs(b.config(), b.length())-norms), p.StepFLOPs; math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s: %g FLOP per step, predicted %g", name, got, want)
		}
	}
}

// The products of all layers and of all chunks of the head are the arithmetic of
// a step, without attention.
func TestProductsMakeAStep(t *testing.T) {
	const tokens = 1024
	c, _ := models.Preset("130m")
	times := map[string]float64{"q_proj k_proj v_proj o_proj": 4, "gate_proj up_proj": 2, "down_proj": 1}
	var total float64
	for _, p := range products(c, tokens) {
		n := times[p.name] * float64(c.NumHiddenLayers)
		if p.name == "lm_head" {
			n = float64(tokens / models.LogitRows(tokens))
		}
		if n == 0 {
			t.Errorf("unknown modules %q", p.name)
		}
		total += n * productFLOPs(p.m, p.n, p.k)
	}
	if want := 6 * tokens * float64(c.Linear()+c.Embedding()); total != want {
		t.Errorf("%g FLOP, want %g", total, want)
	}
}

func TestAttentionFLOPs(t *testing.T) {
	// Two products of T × T × width per head and sequence, 2 FLOP each, half of them causal.
	const sequences, length, heads, width = 3, 64, 4, 16
	want := float64(sequences * heads * 2 * 2 * length * length * width / 2)
	if got := attentionFLOPs(sequences*length, length, heads*width); got != want {
		t.Errorf("%g, want %g", got, want)
	}
}

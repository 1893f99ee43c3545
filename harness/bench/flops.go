package bench

import "ranklab/models"

// TokenFLOPs is the arithmetic of one training token at full rank, forward and
// backward, a multiply-add counted as two:
//
//	6·(P - V·d) + 6·L·d·T
//
// P parameters, V·d of which are the input embedding, which multiplies nothing;
// L layers of width d; sequences of T tokens, causal: half of T² scores. Six:
// two forward, two for the gradient of the input, two for that of the weight.
// What a backward pass computes again is not counted.
func TokenFLOPs(c models.Config, length int) float64 {
	weights := float64(c.NumParams() - c.Embedding())
	return 6*weights + 6*float64(c.NumHiddenLayers)*float64(c.HiddenSize)*float64(length)
}

// The rules by which a step's arithmetic is counted, as reports name them.
const (
	fullRankRule = "6·(parameters - input embedding) + 6·layers·hidden_size·max_length per token"
	lowRankRule  = "as planned: 2 per weight and token forward, 2 for its input's gradient, 2 for its own where formed; causal attention; GaLore's projections"
)

// productFLOPs is the arithmetic of an m × n product over k.
func productFLOPs(m, n, k int) float64 { return 2 * float64(m) * float64(n) * float64(k) }

// attentionFLOPs is the arithmetic of causal attention forward: two products
// of T² × width per head, half of each. Backward is counted twice as much,
// though the scores, which are not kept, are computed again.
func attentionFLOPs(tokens, length, hidden int) float64 {
	return 2 * float64(tokens) * float64(length) * float64(hidden)
}

package tensor

// softmax replaces x by exp(x - m), m its largest element, and returns m and
// the sum.
func (i ISA) softmax(x []float32) (m, total float32) {
	m = i.largest(x)
	return m, i.exps(x, x, 1, -m)
}

// softmaxBackward turns the gradient ds of the probabilities p into that of
// the scores: p ⊙ (ds - mean), mean = Σ p·ds.
func softmaxBackward(ds, p []float32, mean float32) {
	for i, v := range ds {
		ds[i] = p[i] * (v - mean)
	}
}

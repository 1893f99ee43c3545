package tensor

// Momentum updates the buffer b of SGD with momentum and replaces the gradient
// g by the step of learning rate lr:
//
//	b ← mu·b + g
//	g ← lr·b
//
// Both have one shape.
func (d *Device) Momentum(g, b Matrix, mu, lr float32) {
	d.each2(g, b, func(gs, bs []float32) {
		for i, x := range gs {
			b := float32(mu*bs[i]) + x
			bs[i] = b
			gs[i] = lr * b
		}
	})
}

// Average updates the running mean m with g and replaces g by it:
//
//	m ← beta·m + rest·g        (rest = 1-beta)
//	g ← m
//
// Both have one shape.
func (d *Device) Average(g, m Matrix, beta, rest float32) {
	d.each2(g, m, func(gs, ms []float32) {
		for i, x := range gs {
			m := float32(beta*ms[i]) + float32(rest*x)
			ms[i] = m
			gs[i] = m
		}
	})
}

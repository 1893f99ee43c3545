package tensor

// Momentum updates the buffer b of SGD with momentum and replaces the gradient
// g by the step of learning rate lr:
//
//	b ← mu·b + g
//	g ← lr·b
//
// Both have one shape.
func (d *Device) Momentum(g, b Matrix, mu, lr float32) {
	d.each(elements{x: g, y: b, a: mu, b: lr}, func(e *elements, g, b []float32) { e.isa.momentum(g, b, e.a, e.b) })
}

func momentum(g, b []float32, mu, lr float32) {
	for i, x := range g {
		b[i] = fma32(mu, b[i], x)
		g[i] = lr * b[i]
	}
}

// Average updates the running mean m with g and replaces g by it:
//
//	m ← beta·m + rest·g        (rest = 1-beta)
//	g ← m
//
// Both have one shape.
func (d *Device) Average(g, m Matrix, beta, rest float32) {
	d.each(elements{x: g, y: m, a: beta, b: rest}, func(e *elements, g, m []float32) { e.isa.average(g, m, e.a, e.b) })
}

func average(g, m []float32, beta, rest float32) {
	for i, x := range g {
		m[i] = fma32(beta, m[i], rest*x)
		g[i] = m[i]
	}
}

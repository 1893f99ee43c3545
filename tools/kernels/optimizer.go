package main

// optimizers returns the steps of the base optimizers.
func optimizers() []kernel {
	return []kernel{
		{name: "momentum", slices: []string{"grad", "b"}, scalars: []string{"mu", "lr"}, emit: func(m *machine) {
			mu, lr := m.scalar("mu"), m.scalar("lr")
			m.elements([]string{"grad", "b"}, func() {
				b := m.fma(m.load("b"), mu, m.load("grad"))
				m.store("b", b)
				m.store("grad", m.mul(b, lr))
			})
		}},
		{name: "average", slices: []string{"grad", "m"}, scalars: []string{"beta", "rest"}, emit: func(m *machine) {
			beta, rest := m.scalar("beta"), m.scalar("rest")
			m.elements([]string{"grad", "m"}, func() {
				v := m.fma(m.load("m"), beta, m.mul(m.load("grad"), rest))
				m.store("m", v)
				m.store("grad", v)
			})
		}},
		{name: "adam", slices: []string{"grad", "m", "v"}, fields: "AdamStep", emit: func(m *machine) {
			step := m.newAdam()
			m.elements([]string{"grad", "m", "v"}, func() { m.store("grad", step()) })
		}},
		{name: "adamUpdate", slices: []string{"w", "grad", "m", "v"}, fields: "AdamStep", emit: func(m *machine) {
			step := m.newAdam()
			m.elements([]string{"w", "grad", "m", "v"}, func() {
				s := step()
				m.store("w", m.sub(m.load("w"), s))
			})
		}},
		{name: "adafactorFull", slices: []string{"grad", "v"}, scalars: []string{"beta", "rest", "floor"}, emit: func(m *machine) {
			beta, rest, floor := m.scalar("beta"), m.scalar("rest"), m.scalar("floor")
			m.elements([]string{"grad", "v"}, func() {
				g := m.load("grad")
				v := m.fma(m.load("v"), beta, m.mul(m.fma(g, g, floor), rest))
				m.store("v", v)
				m.store("grad", m.div(g, m.sqrt(v)))
			})
		}},
		{name: "divideByRoots", slices: []string{"grad", "v"}, scalars: []string{"r"}, emit: func(m *machine) {
			r := m.scalar("r")
			m.elements([]string{"grad", "v"}, func() {
				m.store("grad", m.div(m.load("grad"), m.mul(m.sqrt(m.load("v")), r)))
			})
		}},
	}
}

// newAdam returns a function that updates the moments and returns the step:
// AdamStep.element of tensor. It is called before a loop.
func (m *machine) newAdam() func() vector {
	f := m.fields(7)
	beta1, rest1, beta2, rest2, size, correction, eps := f[0], f[1], f[2], f[3], f[4], f[5], f[6]
	return func() vector {
		g := m.load("grad")
		first := m.fma(m.load("m"), beta1(), m.mul(g, rest1()))
		m.store("m", first)
		second := m.fma(m.load("v"), beta2(), m.mul(m.mul(g, g), rest2()))
		m.store("v", second)
		d := m.fma(m.sqrt(second), correction(), eps())
		return m.mul(m.div(first, d), size())
	}
}

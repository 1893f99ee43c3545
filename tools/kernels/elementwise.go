package main

// elementwise returns the plain operations on one or two slices.
func elementwise() []kernel {
	two := func(name, dst string, body func(m *machine, x, y vector) vector) kernel {
		slices := []string{dst, "x"}
		return kernel{name: name, slices: slices, emit: func(m *machine) {
			m.elements(slices, func() { m.store(dst, body(m, m.load(dst), m.load("x"))) })
		}}
	}
	return []kernel{
		two("add", "dst", func(m *machine, dst, x vector) vector { return m.add(dst, x) }),
		two("mul", "dst", func(m *machine, dst, x vector) vector { return m.mul(dst, x) }),
		{name: "axpy", slices: []string{"y", "x"}, scalars: []string{"alpha"}, emit: func(m *machine) {
			alpha := m.scalar("alpha")
			m.elements([]string{"y", "x"}, func() { m.store("y", m.fma(m.load("x"), alpha, m.load("y"))) })
		}},
		{name: "triad", slices: []string{"dst", "x", "y"}, scalars: []string{"alpha"}, emit: func(m *machine) {
			alpha := m.scalar("alpha")
			m.elements([]string{"dst", "x", "y"}, func() { m.store("dst", m.fma(m.load("y"), alpha, m.load("x"))) })
		}},
		{name: "scale", slices: []string{"x"}, scalars: []string{"alpha"}, emit: func(m *machine) {
			alpha := m.scalar("alpha")
			m.elements([]string{"x"}, func() { m.store("x", m.mul(m.load("x"), alpha)) })
		}},
	}
}

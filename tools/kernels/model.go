package main

// model returns the operations between the matrix products of a model.
func model() []kernel {
	norm := []string{"dx", "dy", "x", "gain"}
	rope := []string{"x", "y", "cos", "sin"}
	return []kernel{
		{name: "normalize", slices: []string{"y", "x", "gain"}, scalars: []string{"r"}, emit: func(m *machine) {
			r := m.scalar("r")
			m.elements([]string{"y", "x", "gain"}, func() {
				m.store("y", m.mul(m.mul(m.load("x"), r), m.load("gain")))
			})
		}},
		{name: "normBackward", slices: norm, scalars: []string{"r", "c"}, emit: func(m *machine) {
			r, c := m.scalar("r"), m.scalar("c")
			m.elements(norm, func() {
				t := m.fnma(m.load("x"), c, m.mul(m.load("gain"), m.load("dy")))
				m.store("dx", m.fma(t, r, m.load("dx")))
			})
		}},
		{name: "addNormalized", slices: []string{"s", "dy", "x"}, scalars: []string{"r"}, emit: func(m *machine) {
			r := m.scalar("r")
			m.elements([]string{"s", "dy", "x"}, func() {
				m.store("s", m.fma(m.mul(m.load("x"), r), m.load("dy"), m.load("s")))
			})
		}},
		{name: "rotate", slices: rope, scalars: []string{"direction"}, emit: func(m *machine) {
			direction := m.scalar("direction")
			m.elements(rope, func() {
				c, s := m.load("cos"), m.mul(m.load("sin"), direction)
				u, v := m.load("x"), m.load("y")
				m.store("x", m.fms(u, c, m.mul(v, s)))
				m.store("y", m.fma(v, c, m.mul(u, s)))
			})
		}},
		{name: "softmaxBackward", slices: []string{"ds", "p"}, scalars: []string{"mean"}, emit: func(m *machine) {
			mean := m.scalar("mean")
			m.elements([]string{"ds", "p"}, func() {
				m.store("ds", m.mul(m.sub(m.load("ds"), mean), m.load("p")))
			})
		}},
	}
}

package selftest

import "ranklab/tensor"

// adamStep is a step of AdamW in the middle of training.
func adamStep() tensor.AdamStep {
	return tensor.AdamStep{Beta1: 0.9, Rest1: 0.1, Beta2: 0.999, Rest2: 0.001, Size: 2e-3, Correction: 1.25, Eps: 1e-8}
}

// optimizers are the steps of the base optimizers on float32 moments.
func optimizers() []Operation {
	var all []Operation
	for _, s := range rowSizes() {
		rows, cols := s[0], s[1]
		w, g, m, v := dense("w", rows, cols, 1), dense("g", rows, cols, 0.01), dense("m", rows, cols, 0.01), squares("v", rows, cols, 0.01)
		row, col := squares("row", 1, rows, 0.01), squares("col", 1, cols, 0.01)
		for _, means := range []tensor.Matrix{row, col} {
			for i := range means.Data {
				means.Data[i] += 1e-12 // a mean of squares with a floor
			}
		}
		decay := tensor.AdafactorStep{Beta: 0.75, Rest: 0.25, Floor: 1e-30}
		all = append(all, Operation{"Adam", shape(rows, cols), func(d *tensor.Device) []Output {
			g, m, v := copied(g), copied(m), copied(v)
			d.Adam(g, m, v, adamStep())
			return []Output{output("step", g), output("m", m), output("v", v)}
		}}, Operation{"AdamUpdate", shape(rows, cols), func(d *tensor.Device) []Output {
			w, m, v := copied(w), copied(m), copied(v)
			d.AdamUpdate(w, g, m, v, adamStep())
			return []Output{output("w", w), output("m", m), output("v", v)}
		}}, Operation{"Momentum", shape(rows, cols), func(d *tensor.Device) []Output {
			g, b, h, average := copied(g), copied(m), copied(g), copied(m)
			d.Momentum(g, b, 0.9, 0.02)
			d.Average(h, average, 0.9, 0.1)
			return []Output{output("step", g), output("b", b), output("average", average)}
		}}, Operation{"AdafactorFactored", shape(rows, cols), func(d *tensor.Device) []Output {
			g, row, col := copied(g), copied(row), copied(col)
			d.AdafactorFactored(g, row, col, decay)
			return []Output{output("step", g), output("row", row), output("col", col)}
		}}, Operation{"AdafactorFull", shape(rows, cols), func(d *tensor.Device) []Output {
			g, v := copied(g), copied(v)
			d.AdafactorFull(g, v, decay)
			return []Output{output("step", g), output("v", v)}
		}}, Operation{"Prune", shape(rows, cols), func(d *tensor.Device) []Output {
			x, y := copied(m), copied(m)
			a, b := d.PruneMagnitude(x, 0.9), d.PruneRandom(y, 0.9, key().Stream("prune"))
			return []Output{output("by magnitude", x), output("at random", y), values("pruned", 2, []int{a, b})}
		}})
	}
	return all
}

// elementwise are sums and the operations between steps.
func elementwise() []Operation {
	var all []Operation
	for _, s := range rowSizes() {
		rows, cols := s[0], s[1]
		x, y := strided("x", rows, cols, 1), strided("y", rows, cols, 1)
		all = append(all, Operation{"Axpy", shape(rows, cols), func(d *tensor.Device) []Output {
			a, b, c, e := copied(y), copied(y), copied(y), copied(y)
			d.Axpy(-0.3, x, a)
			d.Add(b, x)
			d.Mul(c, x)
			d.Scale(1.7, e)
			return []Output{output("Axpy", a), output("Add", b), output("Mul", c), output("Scale", e)}
		}}, Operation{"Dot", shape(rows, cols), func(d *tensor.Device) []Output {
			return []Output{numbers("sums", d.Dot(x, y), d.SumSquares(x))}
		}})
	}
	return all
}

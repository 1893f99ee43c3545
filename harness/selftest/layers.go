package selftest

import "ranklab/tensor"

// layers are the operations on rows of activations, forward and backward.
func layers() []Operation {
	var all []Operation
	for _, s := range rowSizes() {
		rows, cols := s[0], s[1]
		x, dy, dx := strided("x", rows, cols, 1), strided("dy", rows, cols, 1), strided("dx", rows, cols, 1)
		gate, up, gain := strided("gate", rows, cols, 4), strided("up", rows, cols, 1), dense("gain", 1, cols, 1)
		blank := strided("y", rows, cols, 0)
		norm := func(d *tensor.Device) (y tensor.Matrix, rstd []float32) {
			y, rstd = copied(blank), make([]float32, rows)
			d.RMSNorm(y, rstd, x, gain, 1e-6)
			return y, rstd
		}
		all = append(all, Operation{"RMSNorm", shape(rows, cols), func(d *tensor.Device) []Output {
			y, rstd := norm(d)
			return []Output{output("y", y), values("rstd", rows, rstd)}
		}}, Operation{"RMSNormBackward", shape(rows, cols), func(d *tensor.Device) []Output {
			_, rstd := norm(d)
			dx, dgain, y := copied(dx), tensor.Of(make([]float32, cols), 1, cols), copied(blank)
			d.RMSNormBackward(dx, dy, x, gain, rstd)
			d.RMSNormGain(dgain, dy, x, rstd)
			d.RMSNormAgain(y, rstd, x, gain)
			return []Output{output("dx", dx), output("dgain", dgain), output("y", y)}
		}}, Operation{"SwiGLU", shape(rows, cols), func(d *tensor.Device) []Output {
			y, dgate, dup := copied(blank), copied(blank), copied(blank)
			d.SwiGLU(y, gate, up)
			d.SwiGLUBackward(dgate, dup, dy, gate, up)
			return []Output{output("y", y), output("dgate", dgate), output("dup", dup)}
		}}, Operation{"Dropout", shape(rows, cols), func(d *tensor.Device) []Output {
			y, dx, dy := copied(blank), copied(dx), copied(dy)
			d.Dropout(y, x, 0.3, key().Stream("dropout"), 5)
			d.DropoutBackward(dx, dy, 0.3, key().Stream("dropout"), 5)
			return []Output{output("y", y), output("dx", dx)}
		}})
	}
	return all
}

// sequences are the operations that know of tokens and positions.
func sequences() []Operation {
	all := attention()
	for _, s := range []struct{ rows, vocabulary int }{{3, 2}, {37, 517}, {5, 16411}} {
		logits := strided("logits", s.rows, s.vocabulary, 6)
		targets := make([]int32, s.rows)
		for i := range targets {
			targets[i] = int32(key().Stream("targets").Below(uint64(i), s.vocabulary+1)) - 1 // -1: none
		}
		all = append(all, Operation{"CrossEntropy", shape(s.rows, s.vocabulary), func(d *tensor.Device) []Output {
			x, y := copied(logits), copied(logits)
			loss, alone := make([]float32, s.rows), make([]float32, s.rows)
			d.CrossEntropy(x, targets, loss, 0.125)
			d.CrossEntropyLoss(y, targets, alone)
			return []Output{output("gradient", x), values("loss", s.rows, loss), values("loss alone", s.rows, alone)}
		}})
	}
	const length, heads, half, vocabulary = 43, 5, 9, 30
	cos, sin := tensor.Of(make([]float32, length*half), length, half), tensor.Of(make([]float32, length*half), length, half)
	tensor.RopeTables(cos, sin, 10000)
	x, table := strided("x", 2*length, 2*heads*half, 1), strided("table", vocabulary, 331, 1)
	tokens := make([]int32, 2*length)
	for i := range tokens {
		tokens[i] = int32(key().Stream("tokens").Below(uint64(i), vocabulary))
	}
	dy := strided("dy", len(tokens), 331, 1)
	return append(all, Operation{"Rope", shape(2*length, heads, 2*half), func(d *tensor.Device) []Output {
		y, dx := copied(x), copied(x)
		d.Rope(y, cos, sin, length)
		d.RopeBackward(dx, cos, sin, length)
		return []Output{output("cos", cos), output("sin", sin), output("y", y), output("dx", dx)}
	}}, Operation{"Embed", shape(len(tokens), vocabulary, 331), func(d *tensor.Device) []Output {
		y, dtable := copied(dy), copied(table)
		d.Embed(y, table, tokens)
		d.EmbedBackward(dtable, dy, tokens)
		return []Output{output("y", y), output("dtable", dtable)}
	}})
}

// attention has sequences shorter than, about as long as, and longer than the
// block of 64 queries.
func attention() []Operation {
	var all []Operation
	for _, s := range []struct{ batch, length, heads, width int }{{1, 1, 1, 1}, {3, 7, 2, 5}, {2, 65, 3, 20}, {1, 131, 2, 33}} {
		rows, cols := s.batch*s.length, s.heads*s.width
		q, k, v := strided("q", rows, cols, 2), strided("k", rows, cols, 2), strided("v", rows, cols, 1)
		dout, blank := strided("dout", rows, cols, 1), strided("out", rows, cols, 0)
		all = append(all, Operation{"Attention", shape(s.batch, s.length, s.heads, s.width), func(d *tensor.Device) []Output {
			out, dq, dk, dv := copied(blank), copied(blank), copied(blank), copied(blank)
			lse := make([]float32, s.batch*s.heads*s.length)
			scratch := make([]float32, tensor.AttentionScratch(d.Threads(), s.length, true))
			d.Attention(out, lse, q, k, v, s.batch, s.heads, scratch)
			d.AttentionBackward(dq, dk, dv, dout, out, lse, q, k, v, s.batch, s.heads, scratch)
			return []Output{output("out", out), values("lse", s.length, lse), output("dq", dq), output("dk", dk), output("dv", dv)}
		}})
	}
	return all
}

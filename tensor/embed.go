package tensor

// Embed gathers rows: dst_n ← table_{tokens[n]}.
//
//	dst    (N, d)
//	table  (V, d)
//	tokens (N), each in 0 … V-1
func (d *Device) Embed(dst, table Matrix, tokens []int32) {
	checkEmbed(dst, table, tokens)
	d.parallel(dst.Rows, rowGrain(dst.Cols), func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			copy(row(dst, n), row(table, int(tokens[n])))
		}
	})
}

// EmbedBackward computes the gradient of the table: dtable_v ← Σ dy_n over the
// n with tokens[n] = v, in order of n.
func (d *Device) EmbedBackward(dtable, dy Matrix, tokens []int32) {
	checkEmbed(dy, dtable, tokens)
	d.Zero(dtable)
	d.parallel(dtable.Cols, lanes, func(_, lo, hi int) {
		for n, v := range tokens {
			x := row(dy, n)[lo:hi]
			y := row(dtable, int(v))[lo:hi]
			for i := range y {
				y[i] += x[i]
			}
		}
	})
}

func checkEmbed(x, table Matrix, tokens []int32) {
	if x.Rows != len(tokens) || x.Cols != table.Cols {
		panic("tensor: Embed shapes")
	}
	for _, v := range tokens {
		if v < 0 || int(v) >= table.Rows {
			panic("tensor: token outside the vocabulary")
		}
	}
}

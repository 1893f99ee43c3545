package tensor

// embedArgs are the arguments of Embed and its backward: x (N, d).
type embedArgs struct {
	x, table Matrix
	tokens   []int32
	isa      ISA
	stored   Store // in place of table
}

// Embed gathers rows: dst_n ← table_{tokens[n]}.
//
//	dst    (N, d)
//	table  (V, d)
//	tokens (N), each in 0 … V-1
func (d *Device) Embed(dst, table Matrix, tokens []int32) {
	checkEmbed(dst, table, tokens)
	spread(d, dst.Rows, rowGrain(dst.Cols), embedArgs{x: dst, table: table, tokens: tokens, isa: d.isa}, func(a *embedArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			copy(row(a.x, n), row(a.table, int(a.tokens[n])))
		}
	})
}

// EmbedStored is Embed of a table that is kept in another format.
func (d *Device) EmbedStored(dst Matrix, table Store, tokens []int32) {
	if table.Format.Type == Float32 {
		d.Embed(dst, table.Matrix(), tokens)
		return
	}
	checkEmbed(dst, Matrix{Rows: table.Rows, Cols: table.Cols}, tokens)
	if table.Format.Type != BFloat16 {
		panic("tensor: EmbedStored takes float32 and bfloat16")
	}
	spread(d, dst.Rows, rowGrain(dst.Cols), embedArgs{x: dst, stored: table, tokens: tokens}, func(a *embedArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			a.stored.load(row(a.x, n), int(a.tokens[n])*a.stored.Cols)
		}
	})
}

// EmbedBackward computes the gradient of the table: dtable_v ← Σ dy_n over the
// n with tokens[n] = v, in order of n.
func (d *Device) EmbedBackward(dtable, dy Matrix, tokens []int32) {
	checkEmbed(dy, dtable, tokens)
	d.Zero(dtable)
	spread(d, dtable.Cols, columnGrain, embedArgs{x: dy, table: dtable, tokens: tokens, isa: d.isa}, func(a *embedArgs, _, lo, hi int) {
		for n, v := range a.tokens {
			a.isa.add(row(a.table, int(v))[lo:hi], row(a.x, n)[lo:hi])
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
